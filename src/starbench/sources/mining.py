"""Hard negatives by BM25: training queries from a collection with judgements."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator

from starbench.errors import InputError
from starbench.sources.bm25 import Bm25
from starbench.sources.judgements import relevance_of
from starbench.sources.source import Collection, Records
from starbench.store.records import Record, passage_text

EXTRA = 50
"""Passages looked up beyond the wanted number: right answers among them are left out."""

log = logging.getLogger(__name__)

BATCH = 1000


def mined_queries(collection: Collection, negatives: int, is_strict: bool = False) -> Records:
    """Yield (where, record) of every judged query: Tevatron's layout, negatives by BM25.

    A record is {query_id, query, positive_passages, negative_passages}. The negatives are the
    passages that BM25 ranks highest and that are no right answer: neither judged relevant nor
    of the same text as one that is. Judgements of passages that are not in the corpus are left
    out and counted in a warning; if `is_strict` they raise an InputError.
    """
    passages = [record for _, record in collection.passages]
    texts = [passage_text(record) for record in passages]
    row_of = {record["id"]: row for row, record in enumerate(passages)}
    right: dict[str, list[int]] = defaultdict(list)
    unknown: list[str] = []
    for where, judged in collection.qrels:
        if judged["passage"] not in row_of:
            unknown.append(f"{where}: no passage '{judged['passage']}' in the corpus")
            if is_strict:
                raise InputError(unknown[0])
        elif relevance_of(judged["relevance"], where) > 0:
            right[judged["query"]].append(row_of[judged["passage"]])
    if unknown:
        log.warning("%d judgements are left out: %s", len(unknown), unknown[0])
    queries = [(where, q) for where, q in collection.queries if q["id"] in right]
    found = _ranked(Bm25(texts), [q["text"] for _, q in queries], negatives + EXTRA)
    for (where, query), ranked in zip(queries, found, strict=True):
        answers = right[query["id"]]
        said = {texts[row] for row in answers}
        wrong = [row for row in ranked if texts[row] not in said]
        yield (
            where,
            {
                "query_id": query["id"],
                "query": query["text"],
                "positive_passages": [_as_tevatron(passages[row]) for row in answers],
                "negative_passages": [_as_tevatron(passages[row]) for row in wrong[:negatives]],
            },
        )


def _ranked(index: Bm25, queries: list[str], k: int) -> Iterator[list[int]]:
    for start in range(0, len(queries), BATCH):
        yield from index.top(queries[start : start + BATCH], k)[0].tolist()


def _as_tevatron(passage: Record) -> Record:
    return {"docid": passage["id"], "title": passage.get("title") or "", "text": passage["text"]}
