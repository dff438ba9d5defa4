"""Stage report: tables and figures, functions of ``scores.csv`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starbench.config import Config

RESULTS_VERSION = 2
"""Raised when the same scores give other tables or figures than before."""

TABLE_FORMATS = ("csv", "md", "tex")
FIGURE_FORMATS = ("png", "pdf")


def table_names(config: Config, formats: Sequence[str] = TABLE_FORMATS) -> list[str]:
    """Return the names of the files below ``tables/``, of some formats or all."""
    return [f"{track}.{ending}" for track in config.tracks for ending in formats]


def figure_stems(config: Config) -> list[str]:
    """Return the names of the figures, without ending."""
    stems = []
    for track in config.tracks:
        stems += [f"{track}_average_by_size", f"{track}_heatmaps"]
        stems += [f"{track}_heatmap_{system}" for system in config.systems]
    return stems


def figure_names(config: Config, formats: Sequence[str] = FIGURE_FORMATS) -> list[str]:
    """Return the names of the files below ``figures/``, of some formats or all."""
    return [f"{stem}.{ending}" for stem in figure_stems(config) for ending in formats]


def figure_labels(config: Config, name: str) -> dict[str, str]:
    """Return how the HTML report labels the file `name` below ``figures/``."""
    track, what = name.rsplit(".", 1)[0].split("_", 1)
    if what.startswith("heatmap_"):
        system = config.display("systems", what.removeprefix("heatmap_"))
        return {"figure": "layers x dims", "system": system, "track": track}
    titles = {"heatmaps": "layers x dims", "average_by_size": "average by size"}
    return {"figure": titles[what], "system": "all", "track": track}


def report_slice(config: Config) -> dict[str, Any]:
    """Return the part of the config that tables and figures depend on, as JSON values."""
    return {
        "sizes": [size.model_dump() for size in config.sizes],
        "tracks": {
            track: {task: config.display("datasets", task) for task in section.tasks}
            for track, section in config.tracks.items()
        },
        "systems": {name: config.display("systems", name) for name in config.systems},
    }
