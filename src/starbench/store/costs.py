"""What sizes cost as tidy CSV: one row per number."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from starbench.machine.files import written_whole

COSTS = "costs.csv"
"""The file in a folder of one model's costs, and of a run."""


@dataclass(frozen=True)
class CostRow:
    """One number; a column that it does not depend on is empty."""

    system: str
    seed: int
    track: str
    cost: str
    """What it is: a key of `UNITS`."""
    value: float
    low: float | None = None
    """The lower quartile of what `value` is the median of; None where nothing is spread."""
    high: float | None = None
    layers: int | None = None
    dim: int | None = None
    bits: int | None = None
    runtime: str = ""
    dataset: str = ""
    part: str = ""
    """`queries`, `passages` or `pairs`: which texts of the dataset."""
    batch: int | None = None
    texts: int | None = None
    """Texts that were timed, or passages that were searched."""
    device: str = ""
    threads: int | None = None
    library: str = ""
    """What computed it, with its version."""

    def row(self) -> list[str]:
        """Return the CSV row, numbers unrounded."""
        values = {name: getattr(self, name) for name in COST_COLUMNS if name != "unit"}
        values |= {name: None if v is None else repr(v) for name, v in _numbers(self).items()}
        values["unit"] = UNITS[self.cost]
        return ["" if values[name] is None else str(values[name]) for name in COST_COLUMNS]


def _numbers(row: CostRow) -> dict[str, float | None]:
    return {"value": row.value, "low": row.low, "high": row.high}


UNITS = {
    "parameters": "parameters",
    "file_bytes": "bytes",
    "tokens": "tokens",
    "multiply_adds": "multiply-adds",
    "search_multiply_adds": "multiply-adds",
    "latency_p50": "s",
    "latency_p95": "s",
    "throughput": "texts/s",
    "search": "s",
    "vector_bytes": "bytes",
    "index_bytes_per_million": "bytes",
}
"""Every cost, and its unit."""

COST_COLUMNS = (
    "system",
    "seed",
    "track",
    "layers",
    "dim",
    "bits",
    "runtime",
    "dataset",
    "part",
    "batch",
    "texts",
    "device",
    "threads",
    "library",
    "cost",
    "value",
    "low",
    "high",
    "unit",
)
assert {*COST_COLUMNS} == {*(field.name for field in fields(CostRow)), "unit"}


def write_costs(path: Path, rows: Iterable[CostRow]) -> None:
    """Write costs to a CSV file in one step."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COST_COLUMNS)
        writer.writerows(row.row() for row in rows)
