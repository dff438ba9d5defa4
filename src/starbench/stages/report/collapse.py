"""Finding scores that collapse: one dataset falls at one size while the others do not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.sizes import Size
from starbench.stages.report.groups import Group
from starbench.stages.report.scores import by_dataset

LOWEST_BEFORE = 0.05
"""A dataset that never scored more than this has nothing to fall from."""

WORST_RATIO = 0.75
"""How much of its best score so far a dataset keeps, beside what the others keep."""


def collapsed(values: np.ndarray) -> np.ndarray:
    """Return which scores collapse, a boolean array of the shape of `values`.

    A score collapses if it is less than three quarters of the best one at a smaller size, and
    that not because the model is worse there altogether: what the dataset keeps of its best is
    compared with what the median dataset keeps of its own.

    Args:
        values: scores of one system (sizes ascending, datasets); NaN where there is none.
    """
    found = np.zeros(values.shape, dtype=bool)
    for size in range(1, len(values)):
        best = np.fmax.reduce(values[:size], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(best > LOWEST_BEFORE, values[size] / best, np.nan)
        if np.isfinite(kept).sum() > 1:
            found[size] = kept < WORST_RATIO * min(1.0, float(np.nanmedian(kept)))
    return found


class Collapse(NamedTuple):
    """A dataset that falls at one size of one system."""

    system: str
    dataset: str
    size: Size
    value: float
    best_before: float


def collapses(scores: pd.DataFrame, config: Config, group: Group) -> list[Collapse]:
    """Return every collapse at a trained size of a group's datasets, means over the seeds."""
    table = by_dataset(scores, group).groupby(["system", "layers", "dim"])[group.datasets].mean()
    sizes = config.trained_sizes
    found = []
    for system in config.systems:
        values = table.reindex([(system, size.layers, size.dim) for size in sizes]).to_numpy()
        for row, column in np.argwhere(collapsed(values)):
            best = float(np.nanmax(values[:row, column]))
            value = float(values[row, column])
            found.append(Collapse(system, group.datasets[column], sizes[row], value, best))
    return found


def collapsing(scores: pd.DataFrame, config: Config, group: Group) -> list[str]:
    """Return the datasets of a group that collapse at some trained size of some system."""
    falling = {found.dataset for found in collapses(scores, config, group)}
    return [dataset for dataset in group.datasets if dataset in falling]
