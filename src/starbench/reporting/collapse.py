"""Finding scores that collapse: one dataset falls at one size while the others do not."""

from __future__ import annotations

import numpy as np

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
