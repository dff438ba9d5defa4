"""Checks of the section `measure`: names that exist, and something to time on each track."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starbench.config.mismatch import ConfigMismatchError, known

if TYPE_CHECKING:
    from starbench.config.config import Config


LISTS = ("systems", "tracks", "datasets", "runtimes", "batch_sizes", "bits")
"""Keys that name each value once."""


def check_measure(config: Config) -> None:
    """Raise ConfigMismatchError for what the section `measure` names and the run does not have."""
    given, at = config.measure, ("measure",)
    if given is None:
        return
    for key in LISTS:
        values = getattr(given, key) or []
        for index, value in enumerate(values):
            if value in values[:index]:
                raise ConfigMismatchError((*at, key, index), f"'{value}' is listed twice")
    for index, name in enumerate(given.systems or []):
        known(name, config.systems, (*at, "systems", index), "system")
    for index, track in enumerate(given.tracks or []):
        known(track, config.tracks, (*at, "tracks", index), "track")
    scored = {track: config.tracks[track].scored for track in given.tracks or config.tracks}
    every = [name for names in scored.values() for name in names]
    for index, name in enumerate(given.datasets or []):
        known(name, every, (*at, "datasets", index), "scored dataset")
    for track, names in scored.items():
        if given.datasets is not None and not set(names) & set(given.datasets):
            raise ConfigMismatchError(
                (*at, "datasets"),
                f"lists nothing that track {track} scores: add one of {', '.join(names)}, or leave "
                "the track out of `measure.tracks`",
            )
