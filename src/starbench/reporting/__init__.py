"""Stage report: tables and figures, functions of ``scores.csv`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starbench.reporting.groups import Group, groups_of

if TYPE_CHECKING:
    from starbench.config import Config

RESULTS_VERSION = 3
"""Raised when the same scores give other tables or figures than before."""

TABLE_FORMATS = ("csv", "md", "tex")
FIGURE_FORMATS = ("png", "pdf")
ADAPTIVE = "adaptive"


def tables_of(config: Config) -> dict[str, list[Group]]:
    """Return the tables of a run: {name: the groups whose columns it has}.

    Where a run has both tracks, `in_domain` is the paper's Table A1: both side by side.
    """
    groups = groups_of(config)
    tables = {group.name: [group] for group in groups}
    inside = [group for group in groups if group.name != "out_of_domain"]
    return {**tables, "in_domain": inside} if len(inside) > 1 else tables


def table_names(config: Config, formats: Sequence[str] = TABLE_FORMATS) -> list[str]:
    """Return the names of the files below ``tables/``, of some formats or all."""
    names = [*tables_of(config), *([ADAPTIVE] if config.tries_adaptive else [])]
    return [f"{name}.{ending}" for name in names for ending in formats]


def figure_stems(config: Config) -> list[str]:
    """Return the names of the figures, without ending."""
    stems = []
    for group in groups_of(config):
        stems += [f"{group.name}_average_by_size", f"{group.name}_heatmaps"]
        stems += [f"{group.name}_heatmap_{system}" for system in config.systems]
    return stems


def figure_names(config: Config, formats: Sequence[str] = FIGURE_FORMATS) -> list[str]:
    """Return the names of the files below ``figures/``, of some formats or all."""
    return [f"{stem}.{ending}" for stem in figure_stems(config) for ending in formats]


def figure_labels(config: Config, name: str) -> dict[str, str]:
    """Return how the HTML report labels the file `name` below ``figures/``."""
    stem = name.rsplit(".", 1)[0]
    group = next(found for found in groups_of(config) if stem.startswith(f"{found.name}_"))
    what = stem.removeprefix(f"{group.name}_")
    system = what.removeprefix("heatmap_") if what.startswith("heatmap_") else None
    return {
        "figure": "average by size" if what == "average_by_size" else "layers x dims",
        "system": config.display("systems", system) if system else "all",
        "of": group.title,
    }


def report_slice(config: Config) -> dict[str, Any]:
    """Return the part of the config that tables and figures depend on, as JSON values."""
    return {
        "sizes": [size.model_dump() for size in config.sizes],
        "groups": {
            group.name: {name: config.display("datasets", name) for name in group.datasets}
            | {"metrics": group.metrics}
            for group in groups_of(config)
        },
        "tables": table_names(config),
        "systems": {name: config.display("systems", name) for name in config.systems},
    }
