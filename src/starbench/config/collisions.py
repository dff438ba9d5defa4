"""Names that would meet in a path, a table or a figure: refused when the config is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from starbench.objectives import OBJECTIVES
from starbench.store.scores import BM25

if TYPE_CHECKING:
    from starbench.config.config import Config

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
        if name == BM25:
            return ("systems", name), f"'{BM25}' is what the scores of BM25 are called"
        cut = re.fullmatch(r"(.+)-n\d+-d\d+", name)
        other = config.systems.get(cut[1]) if cut else None
        if cut and other is not None and OBJECTIVES[other.objective].per_size:
            return (
                ("systems", name),
                f"'{name}' is what a model of system '{cut[1]}' is called, which has one per size",
            )
    return None


def _system_display(config: Config) -> tuple[Location, str] | None:
    taken = {"BM25": "BM25"} if config.bm25_datasets else {}
    return _shared_display(config, "systems", config.systems, taken)


def _dataset_display(config: Config) -> tuple[Location, str] | None:
    found = (_shared_display(config, "datasets", t.scored, {}) for t in config.tracks.values())
    return next(filter(None, found), None)


def _shared_display(
    config: Config, section: str, names: Iterable[str], taken: Mapping[str, str]
) -> tuple[Location, str] | None:
    """Return the first name that tables would show as another one; `taken` is {display: name}."""
    shown = dict(taken)
    for name in names:
        display = config.display(section, name)
        if display in shown:
            at: Location = (section, name, "display")
            return at, f"tables show '{shown[display]}' as '{display}' already"
        shown[display] = name
    return None
