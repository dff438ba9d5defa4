"""Normalised datasets on disk: Arrow files, memory-mapped when read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.store.artifacts import opened

if TYPE_CHECKING:
    from datasets import Dataset

Record = dict[str, Any]

RECORDS, PASSAGES, QUERIES, QRELS = (
    f"{name}.arrow" for name in ("records", "passages", "queries", "qrels")
)
"""The file of a dataset of records, and the three of a collection."""

TEXTS = "texts.arrow"
"""The file of all texts that a task of MTEB embeds, each with its role, by role."""

ROWS_PER_BATCH = 1000

_PASSAGES = pa.list_(pa.struct([(name, pa.string()) for name in ("docid", "title", "text")]))

GOLD = ("score", "label")
"""The columns of records that are no texts, but what is to be told of them."""

SCHEMAS = {
    "text": pa.schema([("text", pa.large_string())]),
    "triplets": pa.schema([(name, pa.string()) for name in ("anchor", "positive", "negative")]),
    "anchor-positive": pa.schema([(name, pa.string()) for name in ("anchor", "positive")]),
    "pairs": pa.schema(
        [("sentence1", pa.string()), ("sentence2", pa.string()), ("score", pa.float64())]
    ),
    "labelled": pa.schema([("text", pa.string()), ("label", pa.string())]),
    "training-queries": pa.schema(
        [
            ("query_id", pa.string()),
            ("query", pa.string()),
            ("positive_passages", _PASSAGES),
            ("negative_passages", _PASSAGES),
        ]
    ),
    PASSAGES: pa.schema([("id", pa.string()), ("text", pa.string())]),
    QUERIES: pa.schema([("id", pa.string()), ("text", pa.string())]),
    TEXTS: pa.schema([("id", pa.string()), ("role", pa.string()), ("text", pa.large_string())]),
    QRELS: pa.schema([("query", pa.string()), ("passage", pa.string()), ("relevance", pa.int64())]),
}
"""The columns of each kind of records, and of the files of a collection."""


def write_records(path: Path, schema: pa.Schema, records: Iterable[dict[str, Any]]) -> int:
    """Write normalised records to `path` in one step and return how many there were."""
    rows = iter(records)
    count = 0
    with written_whole(path) as temporary, pa.ipc.new_stream(temporary, schema) as out:
        while batch := list(islice(rows, ROWS_PER_BATCH)):
            out.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def read_records(folder: Path, file: str = RECORDS) -> Dataset:
    """Return a file of a finished dataset, memory-mapped; InputError if its bytes are others."""
    from datasets import Dataset

    manifest = opened(folder, "data", [file])
    _check_columns(
        folder / file, SCHEMAS[manifest["config"].get("kind") if file == RECORDS else file]
    )
    return Dataset.from_file(str(folder / file))


def labels_in(path: Path) -> set[str]:
    """Return the labels in a file of labelled records, which may not have its manifest yet."""
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as batches:
        return {label for batch in batches for label in batch.column("label").to_pylist()}


def _check_columns(path: Path, wanted: pa.Schema) -> None:
    """Raise InputError for a file that holds no records, or others than its stage writes."""
    again = "remove its manifest.json and run again to have it made anew"
    try:
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as batches:
            found, rows = batches.schema, sum(batch.num_rows for batch in batches)
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not a whole Arrow file ({reason[:100]}): {again}") from None
    for field in wanted:
        if field.name not in found.names:
            raise InputError(f"{path} has no column '{field.name}': {again}")
        kind = found.field(field.name).type
        if _plain(kind) != _plain(field.type):
            raise InputError(
                f"{path}: column '{field.name}' is of {kind}, not {field.type}: {again}"
            )
    if not rows:
        raise InputError(f"{path} holds no records: {again}")


def _plain(kind: pa.DataType) -> str:
    return str(kind).replace("large_", "")


def passage_text(record: Record) -> str:
    """Return what of a passage is embedded and searched: title, a space, text."""
    return f"{record.get('title') or ''} {record.get('text') or ''}".strip()
