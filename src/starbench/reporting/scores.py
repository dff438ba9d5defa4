"""Reading scores: every row is checked, so that a table never shows what cannot be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from starbench.config import Config
from starbench.errors import InputError, did_you_mean
from starbench.evaluation.scores import COLUMNS
from starbench.sizes import Size

KEYS = ["system", "seed", "layers", "dim", "track", "dataset", "metric"]
METRICS = {"sts": "cosine_spearman"}
"""The metric of each track that tables and figures show."""


def read_scores(path: Path, config: Config) -> pd.DataFrame:
    """Return the scores of a run, one row a number.

    A value may be NaN (the score of equal embeddings); it is shown as missing.

    Raises InputError, naming file and line, for a missing column, a name that the config does not
    have, a score that stands twice, or a value that is no number or beyond [-1, 1].
    """
    if not path.is_file():
        raise InputError(f"no scores at {path}")
    scores = pd.read_csv(path, dtype={"value": str}, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in scores.columns]
    if missing:
        raise InputError(f"{path}:1: no column '{missing[0]}'")
    for column, names in (
        ("system", config.systems),
        ("dataset", config.datasets),
        ("track", config.tracks),
    ):
        for line, name in _lines(scores[column]):
            if name not in names:
                raise InputError(f"{path}:{line}: no {column} '{name}'{did_you_mean(name, names)}")
    for line, value in _lines(scores["value"]):
        if not _possible(value):
            raise InputError(f"{path}:{line}: '{value}' is no score between -1 and 1")
    for line, twice in _lines(scores.duplicated(KEYS)):
        if twice:
            what = ", ".join(str(scores.loc[line - 2, key]) for key in KEYS)
            raise InputError(f"{path}:{line}: this score stands twice: {what}")
    return scores.assign(value=scores["value"].astype(float))


def averages(scores: pd.DataFrame, config: Config, track: str) -> pd.DataFrame:
    """Return the mean over a track's datasets: columns system, seed, layers, dim, value.

    A cell without a score on every dataset has none: no average of other sets is comparable.
    """
    wide = by_dataset(scores, config, track)
    return wide.assign(value=wide[list(config.tracks[track].tasks)].mean(axis=1, skipna=False))[  # type: ignore[index]
        ["system", "seed", "layers", "dim", "value"]
    ]


def by_dataset(scores: pd.DataFrame, config: Config, track: str) -> pd.DataFrame:
    """Return a track's scores with one column a dataset, a row for (system, seed, layers, dim)."""
    tasks = list(config.tracks[track].tasks)  # type: ignore[index]
    chosen = scores[(scores["track"] == track) & (scores["metric"] == METRICS[track])]
    wide = chosen.pivot(
        index=["system", "seed", "layers", "dim"], columns="dataset", values="value"
    )
    return wide.reindex(columns=tasks).reset_index()


def at_size(table: pd.DataFrame, system: str, size: Size) -> pd.DataFrame:
    """Return the rows of one system at one size, one a seed."""
    return table[
        (table["system"] == system) & (table["layers"] == size.layers) & (table["dim"] == size.dim)
    ]


def _possible(value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return math.isnan(number) or -1 <= number <= 1


def _lines(column: pd.Series) -> list[tuple[int, Any]]:
    """Return (line in the file, value): the first row stands in line 2."""
    return list(enumerate(column.tolist(), start=2))
