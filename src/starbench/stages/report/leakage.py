"""What the summary says of scored data that occur in training data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.store.scores import LEAKAGE_COLUMNS


def read_leakage(path: Path) -> pd.DataFrame | None:
    """Return ``leakage.csv``; None if the run has none. InputError for anything else."""
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} is not a table: {' '.join(str(error).split())}") from None
    if tuple(table.columns) != LEAKAGE_COLUMNS:
        raise InputError(f"{path}:1: the columns are not {','.join(LEAKAGE_COLUMNS)}")
    return table


def leakage_cautions(leakage: pd.DataFrame | None, config: Config) -> Iterator[str]:
    """Yield a sentence for each scored dataset of which something occurs in training data."""
    if leakage is None:
        return
    for row in leakage[leakage["normalised"] > 0].itertuples():
        section = config.tracks.get(row.track)
        if section is None or row.dataset not in section.scored:
            continue
        what = "queries" if config.datasets[row.dataset].kind == "collection" else "pairs"
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
