"""How many records a dataset has and how long its texts are: counted where it is, else known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.planning.known import known
from starbench.planning.lengths import SAMPLE, Lengths, spread_evenly
from starbench.planning.tasks import TaskTexts, task_texts
from starbench.run.paths import RunPaths
from starbench.sources import SOURCES
from starbench.sources.beir import is_beir, read_beir
from starbench.sources.fields import present, text
from starbench.sources.hub import HubSource
from starbench.sources.judgements import relevance_of
from starbench.sources.source import Records, Source
from starbench.store.artifacts import opened
from starbench.store.records import GOLD, PASSAGES, QUERIES, RECORDS, SCHEMAS, passage_text
from starbench.store.records import TEXTS as TASK_TEXTS

GENERATED = 200
"""Records of the generated language that are made to see how long they are."""
ASSUMED = 10_000
"""Records of a plugin's dataset whose size nothing tells."""
TEXTS = {"text": 1, "triplets": 3, "anchor-positive": 2, "pairs": 2, "training-queries": 1}
TEXTS |= {"labelled": 1, "collection": 1, "task": 1}
"""Texts of a record, or of a training query or a collection passages of a record."""

Stated = Mapping[str, tuple[int, int | None]]
"""{dataset: (records, queries)} as given on the command line."""


@dataclass(frozen=True)
class DatasetSize:
    """What planning needs to know of a dataset."""

    kind: str
    records: int
    """Records; of a collection its passages, 0 if they are another's."""
    queries: int
    """Queries of a collection."""
    texts: Lengths
    """Of training queries and collections the passages."""
    asked: Lengths
    """Queries, of training queries and collections."""
    texts_per_record: float
    origin: str
    """Where this is from: fetched, generated, on disk, known or stated."""
    distinct: float = 1.0
    """Share of the texts that are distinct: of pairs each text is embedded once."""
    bytes_stored: float | None = None
    """Bytes of the normalised files, if they are there."""

    @property
    def bytes(self) -> float:
        """Bytes of the normalised dataset on disk."""
        if self.bytes_stored is not None:
            return self.bytes_stored
        texts = self.records * self.texts_per_record * self.texts.bytes
        queries = self.records if self.kind == "training-queries" else self.queries
        return texts + queries * self.asked.bytes


def dataset_size(config: Config, paths: RunPaths, name: str, stated: Stated) -> DatasetSize:
    """Return the size of a dataset of the config.

    It is taken from the fetched dataset, else from what is stated, from the generator or the
    files that it will be fetched from, else from what is known of public datasets; a plugin's
    source is taken to have as many records as its `rows`, else `ASSUMED`.

    Raises InputError, naming the dataset and how to state its size, if none of these tells.
    """
    source: Source = config.datasets[name]
    if (paths.dataset(name) / "manifest.json").is_file():
        return _fetched(source, paths.dataset(name))
    if name in stated:
        records, queries = stated[name]
        return _known(source, {"records": records, "queries": queries or 0}, "stated")
    if source.kind == "task":
        return _task(source, task_texts(name, source, config.resolved_data_root()))
    if source.source == "micro":  # type: ignore[attr-defined]
        return _generated(source)
    if source.source == "folder":  # type: ignore[attr-defined]
        return _on_disk(source, config.resolved_data_root())
    entry = known()["datasets"].get(_key(source))
    if entry is None and SOURCES.plugin(getattr(source, "source", None)):
        records = source.rows or ASSUMED
        # As in the generated language, a query for ten passages.
        return _known(source, {"records": records, "queries": max(1, records // 10)}, "assumed")
    if entry is None:
        with_queries = "PASSAGES/QUERIES" if source.kind == "collection" else "RECORDS"
        raise InputError(
            f"dataset '{name}': nothing tells its size before it is fetched; state it: "
            f"--records {name}={with_queries}"
        )
    return _known(source, entry, "known")


def _key(source: Source) -> str:
    """Return the name of a dataset in ``known.yaml``."""
    if source.kind == "collection" and isinstance(source, HubSource):
        # The judgements tell which collection it is, wherever its passages are read.
        qrels = source.qrels
        return f"ir_datasets:{qrels.ir_datasets}" if qrels and qrels.ir_datasets else ""
    parts = [source.source, source.name, getattr(source, "subset", None)]  # type: ignore[attr-defined]
    return ":".join(part for part in parts if part)


def _known(source: Source, entry: Mapping[str, Any], origin: str) -> DatasetSize:
    given = known()["kinds"][source.kind] | dict(entry)
    spread = given["spread"]
    records = min(given["records"], source.rows or given["records"])
    return DatasetSize(
        source.kind,
        0 if source.corpus else records,
        given.get("queries", 0),
        Lengths.of_words(given["words"], spread),
        Lengths.of_words(given.get("query_words", given["words"]), spread),
        given.get("passages", TEXTS[source.kind]),
        origin,
        given.get("distinct", 1.0),
    )


def _task(source: Source, found: TaskTexts) -> DatasetSize:
    none = Lengths.of_texts([""])
    return DatasetSize(source.kind, found.texts, 0, found.lengths, none, 1, found.origin)


def _generated(source: Any) -> DatasetSize:
    few = min(source.rows, GENERATED)
    changes: dict[str, Any] = {"rows": few}
    if source.kind == "collection":
        changes["queries"] = None
    made = _read(source.model_copy(update=changes), None)
    queries = source.asked if source.kind == "collection" else 0
    return replace(made, records=source.rows, queries=queries, origin="generated")


def _on_disk(source: Any, root: Path | None) -> DatasetSize:
    if root is not None and source.kind == "training-queries" and is_beir(root / source.name):
        return _mined(source, root)
    return _read(source, root)


def _read(source: Source, root: Path | None) -> DatasetSize:
    """Count what a source gives, read through without keeping it."""
    if source.kind == "collection":
        found = source.collection(root)
        passages, count = spread_evenly(passage_text(record) for _, record in found.passages)
        judged = {record["query"] for _, record in found.qrels}
        asked = [record["text"] for _, record in found.queries if record["id"] in judged]
        return _size(source, count, len(asked), passages or asked, asked, 1)
    if source.kind == "training-queries":
        return _training_queries(source, _queries(source.records(root)))
    names = [name for name in SCHEMAS[source.kind].names if name not in GOLD]
    every = (
        {name: text(record, name, where) for name in names}
        for where, record in source.records(root)
    )
    if source.kind == "pairs":  # equal texts are all over
        records = list(every)
        return _of_records(source, len(records), records)
    records, count = spread_evenly(every)
    return _of_records(source, count, records)


def _queries(records: Records) -> Iterator[dict[str, Any]]:
    """Yield training queries; InputError for what is not one, as when they are fetched."""
    for where, record in records:
        found: dict[str, Any] = {"query": text(record, "query", where)}
        for field in ("positive_passages", "negative_passages"):
            found[field] = present(record, field, where)
            if not isinstance(found[field], list) or not all(
                isinstance(passage, dict) for passage in found[field]
            ):
                raise InputError(f"{where}: field '{field}' is not a list of passages")
        yield found


def _of_records(source: Source, count: int, records: list[dict[str, Any]]) -> DatasetSize:
    names = [name for name in SCHEMAS[source.kind].names if name not in GOLD]
    texts = [record[name] for record in records for name in names]
    size = _size(source, count, 0, spread_evenly(texts)[0], [], TEXTS[source.kind])
    return replace(size, distinct=len(set(texts)) / max(1, len(texts)))


def _size(
    source: Source,
    records: int,
    queries: int,
    texts: list[str],
    asked: list[str],
    per_record: float,
) -> DatasetSize:
    return DatasetSize(
        source.kind,
        records,
        queries,
        Lengths.of_texts(texts or [""]),
        Lengths.of_texts(spread_evenly(asked)[0] or [""]),
        per_record,
        "on disk",
    )


def _training_queries(source: Source, records: Iterable[dict[str, Any]]) -> DatasetSize:
    sample, count = spread_evenly(records)
    passages = [
        passage_text(passage)
        for record in sample
        for passage in (*record["positive_passages"], *record["negative_passages"])
    ]
    asked = [record["query"] for record in sample]
    per_record = len(passages) / max(1, len(sample))
    return _size(source, count, 0, spread_evenly(passages)[0], asked, per_record)


def _mined(source: Any, root: Path) -> DatasetSize:
    """Return the size of training queries whose negatives BM25 is going to mine."""
    found = read_beir(root / source.name, source.split)
    passages, _ = spread_evenly(passage_text(record) for _, record in found.passages)
    judged = {
        record["query"]
        for where, record in found.qrels
        if relevance_of(record["relevance"], where) > 0
    }
    asked = [record["text"] for _, record in found.queries if record["id"] in judged]
    count = min(len(asked), source.rows or len(asked))
    per_record = 1 + source.negatives_mined
    return _size(source, count, 0, passages, asked, per_record)


def _fetched(source: Source, folder: Path) -> DatasetSize:
    """Return the size of a fetched dataset: its counts, and the lengths of its first texts."""
    manifest = opened(folder, "data")
    counts, stored = (
        manifest["records"],
        sum((folder / f).stat().st_size for f in manifest["files"]),
    )
    if source.kind == "collection":
        asked = [row["text"] for row in _rows(folder / QUERIES)]
        passages = [row["text"] for row in _rows(folder / PASSAGES)] if PASSAGES in counts else []
        count = counts.get(PASSAGES, 0)
        found = _size(source, count, counts[QUERIES], passages or asked, asked, 1)
    elif source.kind == "task":
        texts = [row["text"] for row in _rows(folder / TASK_TEXTS)]
        found = _size(source, counts[TASK_TEXTS], 0, texts, [], 1)
    elif source.kind == "training-queries":
        found = _training_queries(source, _rows(folder / RECORDS))
        found = replace(found, records=counts[RECORDS])
    else:
        rows = _rows(folder / RECORDS, everything=source.kind == "pairs")
        found = _of_records(source, counts[RECORDS], rows)
    return replace(found, origin="fetched", bytes_stored=stored)


def _rows(path: Path, everything: bool = False) -> list[dict[str, Any]]:
    """Return rows from all over an Arrow file, all of them if wanted or if it is small."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as batches:
        table = batches.read_all()  # mapped, not read
        stride = 1 if everything else max(1, len(table) // SAMPLE)
        rows: list[dict[str, Any]] = []
        for first in range(0, len(table), stride):
            rows += table.slice(first, 1).to_pylist()
        return rows
