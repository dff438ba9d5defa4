"""Whether the measures that a config asks for exist, and look no deeper than is searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starbench.measures import pairs_measure, ranking_measure
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config

Mistake = tuple[tuple[str | int, ...], str]
"""The key to blame, and what is wrong."""


def wrong_measures(config: Config, track: str) -> Iterator[Mistake]:
    """Yield what is wrong with the measures of a track's datasets, and with its further ones."""
    if TRACKS[track].searches:
        yield from _too_deep(config, track)
    yield from _further(config, track)


def _too_deep(config: Config, track: str) -> Iterator[Mistake]:
    depth = config.tracks[track].searching.depth
    for task in config.tracks[track].scored:
        metric = TRACKS[track].metric(config.datasets[task])
        try:
            cutoff = ranking_measure(metric).cutoff
        except ValueError:  # a track's own
            continue
        if (cutoff or 0) > depth:
            at = ("tracks", track, "search", "depth")
            yield at, f"{depth} is less than {metric} of '{task}' looks at"


def _further(config: Config, track: str) -> Iterator[Mistake]:
    section = config.tracks[track]
    searches, depth = TRACKS[track].searches, section.searching.depth
    for index, name in enumerate(section.measures):
        at = ("tracks", track, "measures", index)
        try:
            measure = ranking_measure(name) if searches else pairs_measure(name)
        except ValueError as error:
            yield at, str(error)
            continue
        if searches and (measure.cutoff or 0) > depth:
            yield at, f"{name} looks at {measure.cutoff} passages, the search's depth is {depth}"
        if name in section.measures[:index]:
            yield at, f"'{name}' is listed twice"
