"""Hard negatives by BM25: training queries from a collection with judgements."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator

from starbench.errors import InputError
from starbench.sources.bm25 import Bm25
from starbench.sources.fields import identifier, text, title
from starbench.sources.judgements import relevance_of
from starbench.sources.source import Collection, Records
from starbench.store.records import Record, passage_text

EXTRA = 50
"""Passages looked up beyond the wanted number: right answers among them are left out."""

log = logging.getLogger(__name__)

BATCH = 1000


def mined_queries(
    collection: Collection, negatives: int, what: str, is_strict: bool = False
) -> Records:
    """Yield (where, record) of every judged query: Tevatron's layout, negatives by BM25.

    A record is {query_id, query, positive_passages, negative_passages}. The negatives are the
    passages that BM25 ranks highest and that are not right answers: neither judged relevant nor
    of the same text as one that is. Judgements of passages that are not in the corpus are left
    out and counted in a warning; if `is_strict` they raise an InputError.

    Args:
        collection: passages, queries and judgements.
        negatives: how many for each query.
        what: what to call the collection in an error that is not of a single record.
        is_strict: whether an oddity is an error.

    Raises:
        InputError: a record without id or text, an id that two texts have, no passages, nothing
            relevant, or texts without words.
    """
    passages = _unique(_passages(collection.passages), "passage")
    texts = [passage_text(passage) for _, passage in passages]
    if not texts:
        raise InputError(f"{what} has no passages to mine hard negatives from")
    row_of = {passage["id"]: row for row, (_, passage) in enumerate(passages)}
    right = _right_answers(collection.qrels, row_of, is_strict)
    queries = [
        (where, query)
        for where, query in _unique(_queries(collection.queries), "query")
        if query["id"] in right
    ]
    if not queries:
        raise InputError(f"{what}: none of its queries has a relevant passage in the corpus")
    found = _ranked(Bm25(texts), [query["text"] for _, query in queries], negatives, what)
    for (where, query), ranked in zip(queries, found, strict=True):
        answers = right[query["id"]]
        said = {texts[row] for row in answers}
        wrong = [row for row in ranked if texts[row] not in said]
        yield (
            where,
            {
                "query_id": query["id"],
                "query": query["text"],
                "positive_passages": [_as_tevatron(passages[row][1]) for row in answers],
                "negative_passages": [_as_tevatron(passages[row][1]) for row in wrong[:negatives]],
            },
        )


def _passages(records: Records) -> Records:
    for where, record in records:
        yield (
            where,
            {
                "id": identifier(record, "id", where),
                "title": title(record, where),
                "text": text(record, "text", where),
            },
        )


def _queries(records: Records) -> Records:
    for where, record in records:
        found = {"id": identifier(record, "id", where), "text": text(record, "text", where)}
        yield where, found


def _unique(records: Records, what: str) -> list[tuple[str, Record]]:
    """Return records, each id once; InputError for an id that two texts have."""
    kept: dict[str, tuple[str, Record]] = {}
    for where, record in records:
        before = kept.setdefault(record["id"], (where, record))[1]
        if before != record:
            raise InputError(
                f"{where}: the {what} id '{record['id']}' appears twice, with two texts"
            )
    return list(kept.values())


def _right_answers(
    qrels: Records, row_of: dict[str, int], is_strict: bool
) -> dict[str, dict[int, None]]:
    """Return {query: rows of its relevant passages}; a relevant passage counts once."""
    right: dict[str, dict[int, None]] = defaultdict(dict)
    unknown: list[str] = []
    for where, judged in qrels:
        relevance = relevance_of(judged["relevance"], where)
        query, passage = (identifier(judged, field, where) for field in ("query", "passage"))
        if passage not in row_of:
            unknown.append(f"{where}: no passage '{passage}' in the corpus")
            if is_strict:
                raise InputError(unknown[0])
        elif relevance > 0:
            right[query][row_of[passage]] = None
    if unknown:
        log.warning("%d judgements are left out: %s", len(unknown), unknown[0])
    return right


def _ranked(index: Bm25, queries: list[str], negatives: int, what: str) -> Iterator[list[int]]:
    """Yield the best rows of every query; InputError if no query shares a word with a passage."""
    without = 0
    for start in range(0, len(queries), BATCH):
        rows, scores = index.top(queries[start : start + BATCH], negatives + EXTRA)
        without += int((scores.max(axis=1) <= 0).sum())
        if without == len(queries):
            raise InputError(
                f"{what}: BM25 finds nothing, since no query shares a word with a passage (stop "
                "words are none)"
            )
        yield from rows.tolist()
    if without:
        log.warning(
            "%s: %d of %d queries share no word with any passage: their negatives are any passages",
            *(what, without, len(queries)),
        )


def _as_tevatron(passage: Record) -> Record:
    return {"docid": passage["id"], "title": passage["title"], "text": passage["text"]}
