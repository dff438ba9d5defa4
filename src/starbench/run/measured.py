"""What is measured of a model on a dataset: always, and because the config asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starbench.measures import MEASURES, PAIRS, RANKING, Measure, pairs_measure, ranking_measure
from starbench.plugins.found import Plugin

if TYPE_CHECKING:
    from starbench.config.config import Config


def measures_of(config: Config, track: str, dataset: str) -> list[Measure]:
    """Return every measure of a dataset that a track scores: first those always computed."""
    more = more_measures(config, track, dataset)
    if config.datasets[dataset].kind != "collection":
        return [*PAIRS.values(), *map(pairs_measure, more)]
    return [*RANKING.values(), *map(ranking_measure, more)]


def more_measures(config: Config, track: str, dataset: str) -> list[str]:
    """Return the names of the measures that only the config asks for, each once."""
    source = config.datasets[dataset]
    shown = [source.metric] if source.kind == "collection" else []
    asked = dict.fromkeys([*shown, *config.tracks[track].measures])
    return [name for name in asked if name not in RANKING and name not in PAIRS]


def measure_plugins(names: Sequence[str]) -> list[Plugin | None]:
    """Return the plugins that some measures are from."""
    return [MEASURES.plugin(name) for name in names]
