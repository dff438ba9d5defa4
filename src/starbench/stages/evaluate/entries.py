"""What is compared: systems at sizes, pair by pair, and what a test says of each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from starbench.config.config import Config
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.sizes import Size

AGAIN = "remove its folder and score again"
"""What to do about scores that are damaged."""


def scores_of(paths: RunPaths, model: Model, seed: int, bits: str) -> Path:
    """Return the folder of a model's scores, of one folder per dataset."""
    place = (model.track, model.name, seed)
    return paths.bits(*place) if bits else paths.scores(*place)


class Entry(NamedTuple):
    """One row of a table: a system at a size."""

    system: str
    size: Size
    bits: str = ""
    """The representation of its vectors; empty for what is stored."""


Pair = tuple[Entry, Entry]


class Outcome(NamedTuple):
    """One comparison by one test."""

    difference: float
    p: float


Outcomes = dict[str, dict[Pair, Outcome]]
"""{test: {pair: outcome}}"""

Comparison = Callable[
    [Config, RunPaths, str, Mapping[Entry, Model], Sequence[Pair]], tuple[Outcomes, int]
]
"""(config, paths, dataset, {entry: the model that gives its score}, pairs) -> what every test of
the track says of each pair, and over how many queries or pairs of texts."""
