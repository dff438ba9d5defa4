"""Normalised datasets on disk: Arrow files, memory-mapped when read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from starbench.machine.files import written_whole
from starbench.store.artifacts import opened

if TYPE_CHECKING:
    from datasets import Dataset

Record = dict[str, Any]

RECORDS, PASSAGES, QUERIES, QRELS = (
    f"{name}.arrow" for name in ("records", "passages", "queries", "qrels")
)
"""The file of a dataset of records, and the three of a collection."""

ROWS_PER_BATCH = 1000

_PASSAGES = pa.list_(pa.struct([(name, pa.string()) for name in ("docid", "title", "text")]))

SCHEMAS = {
    "text": pa.schema([("text", pa.large_string())]),
    "triplets": pa.schema([(name, pa.string()) for name in ("anchor", "positive", "negative")]),
    "pairs": pa.schema(
        [("sentence1", pa.string()), ("sentence2", pa.string()), ("score", pa.float64())]
    ),
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

    opened(folder, "data", [file])
    return Dataset.from_file(str(folder / file))


def passage_text(record: Record) -> str:
    """Return what of a passage is embedded and searched: title, a space, text."""
    return f"{record.get('title') or ''} {record.get('text') or ''}".strip()
