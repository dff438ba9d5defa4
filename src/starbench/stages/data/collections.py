"""Fetching a retrieval collection: passages, queries and judgements that belong together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from starbench.errors import InputError, did_you_mean
from starbench.machine.progress import Progress
from starbench.sources.source import Collection, Records
from starbench.store.records import (
    PASSAGES,
    QRELS,
    QUERIES,
    SCHEMAS,
    Record,
    passage_text,
    read_records,
    write_records,
)

log = logging.getLogger(__name__)


def fetch_collection(
    name: str, collection: Collection, folder: Path, other: Path | None
) -> dict[str, int]:
    """Write the files of a collection and return the number of records of each.

    Args:
        name: the dataset's name in the config.
        collection: what its source gives.
        folder: where the files go.
        other: folder of the collection whose passages are searched, if not its own.

    Raises:
        InputError: a record without id or text, an id that stands twice, a judgement of an
            unknown query or passage, or a collection without passages or judgements.
    """
    counts: dict[str, int] = {}
    try:
        if other is None:
            with Progress(f"fetch {name}", None, unit="passages") as progress:
                made = progress.counting(_texts(collection.passages, "passage"))
                counts[PASSAGES] = write_records(folder / PASSAGES, SCHEMAS[PASSAGES], made)
        known = set(read_ids(other) if other else _ids_in(folder))
        if not known:
            raise InputError(f"dataset '{name}' has no passages")
        queries = list(_texts(collection.queries, "query"))
        qrels = _judgements(name, collection.qrels, {query["id"] for query in queries}, known)
        judged = {record["query"] for record in qrels}
        kept = [query for query in queries if query["id"] in judged]
        if len(kept) < len(queries):
            without = len(queries) - len(kept)
            log.warning(
                "dataset %s: %d of %d queries have no judgements and are left out",
                name,
                without,
                len(queries),
            )
        counts[QUERIES] = write_records(folder / QUERIES, SCHEMAS[QUERIES], kept)
        counts[QRELS] = write_records(folder / QRELS, SCHEMAS[QRELS], qrels)
    except InputError:
        for file in (PASSAGES, QUERIES, QRELS):
            (folder / file).unlink(missing_ok=True)
        raise
    return counts


def read_ids(folder: Path) -> list[str]:
    """Return the ids of a finished collection's passages, in the order of the corpus."""
    ids: list[str] = read_records(folder, PASSAGES)["id"][:]
    return ids


def _ids_in(folder: Path) -> list[str]:
    from datasets import Dataset

    ids: list[str] = Dataset.from_file(str(folder / PASSAGES))["id"][:]
    return ids


def _texts(records: Records, what: str) -> Iterator[Record]:
    """Yield {id, text} with title and text put together; ids are checked to differ."""
    seen: set[str] = set()
    empty: list[str] = []
    for where, record in records:
        for field in ("id", "text"):
            if field not in record:
                raise InputError(f"{where}: no field '{field}'{did_you_mean(field, record)}")
        key, text = str(record["id"]), record["text"]
        if not isinstance(text, str):
            raise InputError(f"{where}: field 'text' is not a text: {text!r}")
        if not key.strip() or key.split() != [key]:
            raise InputError(f"{where}: {key!r} is no id: it is empty or has spaces in it")
        if key in seen:
            raise InputError(f"{where}: the {what} id '{key}' stands twice")
        seen.add(key)
        whole = passage_text(record)
        if not whole:
            empty.append(key)
        yield {"id": key, "text": whole}
    if empty:
        log.warning("%d empty: %s %s", len(empty), what, ", ".join(empty[:3]))


def _judgements(name: str, qrels: Records, queries: set[str], passages: set[str]) -> list[Record]:
    found: list[Record] = []
    unknown: dict[str, list[str]] = {"query": [], "passage": []}
    for where, record in qrels:
        try:
            relevance = int(record["relevance"])
        except (TypeError, ValueError):
            raise InputError(
                f"{where}: the relevance is not a whole number: {record['relevance']!r}"
            ) from None
        judged = {"query": str(record["query"]), "passage": str(record["passage"])}
        for what, valid in (("query", queries), ("passage", passages)):
            if judged[what] not in valid:
                unknown[what].append(judged[what])
        found.append({**judged, "relevance": relevance})
    for what, ids in unknown.items():
        if ids:
            raise InputError(
                f"dataset '{name}': {len(ids)} judgements are of a {what} that is not in the "
                f"collection: {', '.join(ids[:3])}{' ...' if len(ids) > 3 else ''}"
            )
    if not found:
        raise InputError(f"dataset '{name}' has no judgements")
    answered = {judged["query"] for judged in found if judged["relevance"] > 0}
    if not answered:
        raise InputError(
            f"dataset '{name}': none of its {len(found)} judgements is above 0, so nothing is "
            "relevant for any query and there is nothing to measure"
        )
    without = len({judged["query"] for judged in found} - answered)
    if without:
        log.warning("dataset '%s': %d queries have nothing relevant", name, without)
    return found
