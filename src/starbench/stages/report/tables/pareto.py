"""The table of sizes that no other one beats: by latency, by index bytes, by multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.sizes import Size
from starbench.stages.report.groups import groups_of, system_name
from starbench.stages.report.numbers import MISSING, shorten
from starbench.stages.report.options import AXES
from starbench.stages.report.tables.formats import plain_table

HEAD = [
    "Of",
    "System",
    "Size",
    "Bits",
    "Score",
    "95 %",
    "Latency, ms",
    "Index, MB per million",
    "Multiply-adds, millions",
    "Not beaten in",
]
"""Columns of the Markdown and LaTeX versions, which have only what is on a front."""


def pareto_tables(
    options: Mapping[str, pd.DataFrame], config: Config, manifest: str = ""
) -> dict[str, str]:
    """Return the table as {csv, md, tex}: the CSV of every option, the others of those on a front.

    Args:
        options: {group: what `options_of` gives of it}.
        config: the run.
        manifest: what every table carries of the run's manifest.
    """
    every = [found.assign(group=name) for name, found in options.items()]
    frame = pd.concat(every)[["group", *every[0].columns[:-1]]]
    rows = [row for name, found in options.items() for row in _rows(name, found, config)]
    return plain_table(frame, HEAD, rows, manifest)


def _rows(name: str, found: pd.DataFrame, config: Config) -> Iterator[list[str]]:
    title = next(group.title for group in groups_of(config) if group.name == name)
    fronts = found[[axis.front for axis in AXES]]
    kept = found[fronts.any(axis=1)].sort_values("quality", ascending=False)
    for option in kept.to_dict("records"):
        yield [
            title,
            system_name(config, option["system"]),
            config.size_label(Size(option["layers"], option["dim"])),
            str(option["bits"]),
            shorten(option["quality"]),
            interval(option["low"], option["high"]),
            *(amount(option[axis.column] * axis.scale) for axis in AXES),
            ", ".join(axis.short for axis in AXES if option[axis.front]),
        ]


def interval(low: float, high: float) -> str:
    """Return an interval as tables show it; a dash where it is not known."""
    return MISSING if np.isnan(low) else f"{shorten(low, 3)} to {shorten(high, 3)}"


def amount(value: float) -> str:
    """Return a cost with three digits; a dash where it is not known."""
    if np.isnan(value):
        return MISSING
    digits = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:.{min(digits, 6)}f}"
