"""Fetching a retrieval collection: passages, queries and judgements that belong together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from starbench.errors import InputError
from starbench.machine.progress import Progress
from starbench.sources.fields import identifier, present, text, title
from starbench.sources.judgements import relevance_of
from starbench.sources.source import Collection, Records
from starbench.stages.data.findings import Findings
from starbench.stages.data.titles import Titles
from starbench.store.records import (
    PASSAGES,
    QRELS,
    QUERIES,
    SCHEMAS,
    Record,
    passage_text,
    write_records,
)

log = logging.getLogger(__name__)

Judged = dict[tuple[str, str], int]
"""{(query, passage): relevance}"""


def fetch_collection(
    name: str,
    collection: Collection,
    folder: Path,
    other: Path | None,
    findings: Findings,
    titles: Titles,
) -> dict[str, int]:
    """Write the files of a collection and return the number of records of each.

    Args:
        name: the dataset's name in the config.
        collection: what its source gives.
        folder: where the files go.
        other: folder of the collection whose passages are searched, if not its own.
        findings: where what is odd is counted.
        titles: where passages with titles are counted.

    Raises:
        InputError: a record without id or text, an id that two texts have, a collection without
            passages or judgements, or one in which nothing that is judged relevant can be found.
    """
    counts: dict[str, int] = {}
    try:
        # Queries and judgements first: what is wrong with them is known before hours of passages.
        queries = list(_texts(collection.queries, "query", findings))
        judged = _judgements(name, collection.qrels, {query["id"] for query in queries}, findings)
        if other is None:
            with Progress(f"fetch {name}", None, unit="passages") as progress:
                made = progress.counting(_texts(collection.passages, "passage", findings, titles))
                counts[PASSAGES] = write_records(folder / PASSAGES, SCHEMAS[PASSAGES], made)
            if not counts[PASSAGES]:
                raise InputError(f"dataset '{name}' has no passages")
        _count_unknown(name, judged, (other or folder) / PASSAGES, findings)
        asked = {query for query, _ in judged}
        kept = [query for query in queries if query["id"] in asked]
        _tell_unjudged(name, len(queries), len(kept))
        counts[QUERIES] = write_records(folder / QUERIES, SCHEMAS[QUERIES], kept)
        counts[QRELS] = write_records(folder / QRELS, SCHEMAS[QRELS], _rows(judged))
    except BaseException:
        for file in (PASSAGES, QUERIES, QRELS):
            (folder / file).unlink(missing_ok=True)
        raise
    return counts


def _texts(
    records: Records, what: str, findings: Findings, titles: Titles | None = None
) -> Iterator[Record]:
    """Yield {id, text} with title and text put together; an id has one text."""
    plural = {"passage": "passages", "query": "queries"}[what]
    seen: dict[str, int] = {}
    for where, record in records:
        key = _id(record, where, findings)
        whole = passage_text({"title": title(record, where), "text": text(record, "text", where)})
        hashed = hash(whole)
        if key in seen:
            if seen[key] != hashed:
                raise InputError(f"{where}: the {what} id '{key}' appears twice, with two texts")
            findings.add(f"repeated_{plural}", f"{where} {key}")
            continue
        seen[key] = hashed
        if not whole:
            findings.add(f"blank_{plural}", f"{where} {key}")
        if titles is not None:
            titles.count(record)
        yield {"id": key, "text": whole}


def _id(record: Record, where: str, findings: Findings) -> str:
    key = identifier(record, "id", where)
    if any(letter.isspace() for letter in key):
        findings.add("spaces_in_ids", f"{where} {key!r}")
    return key


def _judgements(name: str, qrels: Records, queries: set[str], findings: Findings) -> Judged:
    """Return the judgements of known queries, each once; InputError if there are none."""
    found: Judged = {}
    is_empty = True
    for where, record in qrels:
        is_empty = False
        relevance = relevance_of(present(record, "relevance", where), where)
        query, passage = (identifier(record, field, where) for field in ("query", "passage"))
        if query not in queries:
            findings.add("unknown_queries", f"{where} {query}")
            continue
        before = found.get((query, passage))
        if before is not None:
            oddity = "repeated_judgements" if before == relevance else "changed_judgements"
            findings.add(oddity, f"{where} {query} {passage}")
        found[query, passage] = relevance
    if is_empty:
        raise InputError(f"dataset '{name}' has no judgements")
    if not found:
        raise InputError(f"dataset '{name}': none of its judgements is of one of its queries")
    answered = {query for (query, _), relevance in found.items() if relevance > 0}
    if not answered:
        raise InputError(
            f"dataset '{name}': none of its {len(found)} judgements is above 0, so nothing is "
            "relevant for any query and there is nothing to measure"
        )
    for query in dict.fromkeys(query for query, _ in found):
        if query not in answered:
            findings.add("queries_without_answers", query)
    return found


def _count_unknown(name: str, judged: Judged, corpus: Path, findings: Findings) -> None:
    """Count judged passages that a file of passages lacks; InputError if all relevant ones are."""
    wanted = {passage for _, passage in judged}
    known: set[str] = set()
    # A batch at a time: all ids of a large collection take a gigabyte.
    with pa.memory_map(str(corpus)) as mapped, pa.ipc.open_stream(mapped) as batches:
        for batch in batches:
            known |= wanted.intersection(batch.column("id").to_pylist())
    if not known:
        raise InputError(f"dataset '{name}': none of the judged passages is in the collection")
    if not any(passage in known for (_, passage), relevance in judged.items() if relevance > 0):
        raise InputError(
            f"dataset '{name}': none of the passages judged relevant is in the collection, so "
            "there is nothing to find"
        )
    for query, passage in judged:
        if passage not in known:
            findings.add("unknown_passages", f"{passage} (query {query})")


def _rows(judged: Judged) -> Iterator[Record]:
    for (query, passage), relevance in judged.items():
        yield {"query": query, "passage": passage, "relevance": relevance}


def _tell_unjudged(name: str, queries: int, kept: int) -> None:
    if kept < queries:
        log.warning(
            "dataset %s: %d of %d queries have no judgements and are left out",
            name,
            queries - kept,
            queries,
        )
