"""What the summary says of scored data that occur in training data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.stages.report.csv_file import read_csv_file, with_numbers
from starbench.store.scores import LEAKAGE_COLUMNS

SCORED = {"collection": "queries", "labelled": "texts", "task": "texts"}
"""What is counted of a dataset, by its kind; of others pairs."""


def read_leakage(path: Path) -> pd.DataFrame | None:
    """Return ``leakage.csv``; None if the run has none.

    Raises InputError, naming file and line, for other columns, or what is not a number.
    """
    if not path.exists():
        return None
    table = read_csv_file(path, LEAKAGE_COLUMNS, "search for leakage")
    return with_numbers(table, path, ["exact", "normalised", "scored", "training_rows"], [])


def leakage_cautions(leakage: pd.DataFrame | None, config: Config) -> Iterator[str]:
    """Yield a sentence for each scored dataset of which something occurs in training data."""
    if leakage is None:
        return
    for row in leakage[leakage["normalised"] > 0].itertuples():
        section = config.tracks.get(row.track)
        if section is None or row.dataset not in section.scored:
            continue
        what = SCORED.get(config.datasets[row.dataset].kind, "pairs")
        told = (
            f"{row.normalised:,} of the {row.scored:,} {what} of "
            f"{config.display('datasets', row.dataset)} occur in the training data "
            f"{config.display('datasets', row.training)} ({row.exact:,} to the letter)"
        )
        if section.leakage == "drop":
            examples = f"{row.training_rows:,} training examples that hold them"
            yield f"{told}: the {examples} were left out."
        else:
            yield f"{told}: its scores are too high. `leakage: drop` leaves such examples out."
