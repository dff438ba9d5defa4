"""Normalised datasets on disk: one Arrow file per dataset, memory-mapped when read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from starbench.files import written_whole
from starbench.manifest import read_manifest

if TYPE_CHECKING:
    from datasets import Dataset

FILE = "records.arrow"
ROWS_PER_BATCH = 1000

SCHEMAS = {
    "text": pa.schema([("text", pa.large_string())]),
    "triplets": pa.schema([(name, pa.string()) for name in ("anchor", "positive", "negative")]),
    "pairs": pa.schema(
        [("sentence1", pa.string()), ("sentence2", pa.string()), ("score", pa.float64())]
    ),
}
"""The columns of each kind of dataset."""


def write_records(folder: Path, kind: str, records: Iterable[dict[str, Any]]) -> int:
    """Write normalised records of one kind into `folder` and return how many there were."""
    schema = SCHEMAS[kind]
    rows = iter(records)
    count = 0
    with written_whole(folder / FILE) as temporary, pa.ipc.new_stream(temporary, schema) as out:
        while batch := list(islice(rows, ROWS_PER_BATCH)):
            out.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def read_records(folder: Path) -> Dataset:
    """Return a finished dataset, memory-mapped; InputError if it has no manifest."""
    from datasets import Dataset

    read_manifest(folder, "data")
    return Dataset.from_file(str(folder / FILE))
