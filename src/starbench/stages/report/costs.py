"""Reading ``costs.csv``: every row is checked, as those of scores are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.stages.report.csv_file import as_number, check_names, read_csv_file
from starbench.store.costs import COST_COLUMNS, UNITS

NUMBERS = ["layers", "dim", "bits", "batch", "texts", "threads", "value", "low", "high"]
"""Columns of numbers; NaN where a cost does not depend on it."""


def read_costs(path: Path, config: Config) -> pd.DataFrame:
    """Return what the sizes of a run cost, one row per number.

    Raises InputError, naming file and line, for other columns, unknown names, a unit that is not
    the cost's, or no number.
    """
    table = read_csv_file(path, COST_COLUMNS, "costs")
    names: dict[str, Iterable[object]] = {
        "system": config.systems,
        "seed": config.seeds,
        "track": config.tracks,
        "dataset": [*config.datasets, ""],
        "cost": UNITS,
    }
    check_names(table, path, names)
    for line, (cost, unit) in enumerate(zip(table["cost"], table["unit"], strict=True), start=2):
        if UNITS[cost] != unit:
            raise InputError(f"{path}:{line}: unit '{unit}' of {cost}, which is in {UNITS[cost]}")
    for column in NUMBERS:
        for line, text in enumerate(table[column], start=2):
            number = as_number(text or "0")
            if number is None or not 0 <= number < float("inf") or (column == "value" and not text):
                raise InputError(f"{path}:{line}: {column} '{text}' is not a number from 0")
    numbers = {c: [float(text or "nan") for text in table[c]] for c in NUMBERS}
    return table.assign(**numbers)
