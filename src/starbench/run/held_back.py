"""Labelled examples that are held back from training, for what is learned on them afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from starbench.draws import generator
from starbench.errors import InputError
from starbench.store.records import read_records
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths

KEY = "held_back"
"""The key of a track's section."""


def held_back_share(config: Config, track: str) -> float:
    """Return the share of each label's examples that a track holds back; 0 of other tracks."""
    return config.tracks[track].held_back_share if KEY in TRACKS[track].keys else 0.0


def held_back(config: Config, paths: RunPaths, track: str, dataset: str, seed: int) -> np.ndarray:
    """Return the rows of a dataset that models of a track are not trained on, ascending."""
    share = held_back_share(config, track)
    if share == 0 or config.datasets[dataset].kind != "labelled":
        return np.array([], dtype=np.int64)
    labels = list(read_records(paths.dataset(dataset))["label"])
    return some_of_each(labels, share, seed, dataset)


def some_of_each(labels: Sequence[str], share: float, seed: int, dataset: str) -> np.ndarray:
    """Return the rows of a share of each label's examples, at least one, ascending.

    A label's rows are a function of (seed, label) and of how many examples it has; one at least
    is left. Raises InputError for a label with a single example.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        rows_of[label].append(row)
    chosen: list[int] = []
    for label, rows in rows_of.items():
        if len(rows) < 2:
            raise InputError(
                f"dataset '{dataset}': label '{label}' has one example; needed are two or more, of "
                "which some are held back from training (`held_back`)"
            )
        count = min(max(1, round(share * len(rows))), len(rows) - 1)
        order = generator(seed, "held back", label).permutation(len(rows))
        chosen += [rows[place] for place in order[:count]]
    return np.array(sorted(chosen), dtype=np.int64)
