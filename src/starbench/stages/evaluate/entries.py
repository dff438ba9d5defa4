"""What is compared: systems at sizes, pair by pair, and what a test says of each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from starbench.config.config import Config
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.sizes import Size

AGAIN = "remove its folder and score again"
"""What to do about scores that are damaged."""


class Entry(NamedTuple):
    """One row of a table: a system at a size."""

    system: str
    size: Size


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
