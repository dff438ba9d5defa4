"""Names that would meet in a path, a table or a figure: refused when the config is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starbench.objectives import OBJECTIVES

if TYPE_CHECKING:
    from starbench.config.config import Config

FLOOR = "bm25"
"""What scores and paths call BM25."""

RESERVED_RUNS = {
    "bench": "what `make bench` measures",
    "reference": "the results of published runs",
    "slurm-logs": "the logs of Slurm's jobs",
    "test-cluster": "what `make test-cluster` makes",
}
"""Folders below results/ that are no run's."""

Location = tuple[str | int, ...]


def name_collision(config: Config) -> tuple[Location, str] | None:
    """Return (key, what is wrong) of the first name that is taken already, None if none is."""
    if config.run in RESERVED_RUNS:
        return ("run",), f"results/{config.run} is for {RESERVED_RUNS[config.run]}: rename the run"
    return _system_name(config) or _system_display(config) or _dataset_display(config)


def _system_name(config: Config) -> tuple[Location, str] | None:
    for name in config.systems:
        if name == FLOOR:
            return ("systems", name), f"'{FLOOR}' is what the scores of BM25 are called"
        cut = re.fullmatch(r"(.+)-n\d+-d\d+", name)
        other = config.systems.get(cut[1]) if cut else None
        if cut and other is not None and OBJECTIVES[other.objective].per_size:
            return (
                ("systems", name),
                f"'{name}' is what a model of system '{cut[1]}' is called, which has one per size",
            )
    return None


def _system_display(config: Config) -> tuple[Location, str] | None:
    shown = {"BM25": "BM25"} if config.bm25_datasets else {}
    for name in config.systems:
        display = config.display("systems", name)
        if display in shown:
            at: Location = ("systems", name, "display")
            return at, f"tables show '{shown[display]}' as '{display}' already"
        shown[display] = name
    return None


def _dataset_display(config: Config) -> tuple[Location, str] | None:
    for track in config.tracks.values():
        shown: dict[str, str] = {}
        for name in track.scored:
            display = config.display("datasets", name)
            if display in shown:
                at: Location = ("datasets", name, "display")
                return at, f"tables show '{shown[display]}' as '{display}' already"
            shown[display] = name
    return None
