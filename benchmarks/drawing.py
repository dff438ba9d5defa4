"""The figures of the benchmarks: ratios as bars, growth as lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbench.stages.report.figures.style import (
    COLOURS,
    SMALL,
    TWO_COLUMNS,
    hide_unused,
    line_look,
    look,
)

PANELS_ACROSS = 4


@look()
def draw_ratios(table: pd.DataFrame) -> Figure:
    """Return peer / ours of every work, time beside memory, with their targets as ticks."""
    figure = Figure(figsize=(TWO_COLUMNS, 0.34 * len(table) + 0.9), layout="constrained")
    time, memory = figure.subplots(1, 2, sharey=True)
    for axes, what, colour in ((time, "time", COLOURS[0]), (memory, "memory", COLOURS[2])):
        ratios = table[f"{what}_ratio"]
        places = np.arange(len(table))
        axes.barh(places, ratios.fillna(1) - 1, left=1, color=colour, height=0.6)
        targets = table[f"{what}_target"]
        axes.scatter(targets, places, marker="|", s=120, color="black", label="target", zorder=3)
        ends = pd.concat([ratios, targets], axis=1).max(axis=1).clip(lower=1).fillna(1)
        for place, ratio, end in zip(places, ratios, ends, strict=True):
            if not pd.isna(ratio):
                axes.annotate(
                    f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}",
                    (end, place),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=SMALL,
                )
        axes.set_xscale("log")
        axes.set_xlim(0.5, 3 * ends.max())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.axvline(1, color="#666666", linewidth=0.6)
        axes.set_xlabel(f"{what}: peer / ours")
    time.set_yticks(np.arange(len(table)), table["work"])
    time.invert_yaxis()
    time.legend(loc="lower right", frameon=False)
    return figure


@look()
def draw_growth(grown: pd.DataFrame) -> Figure:
    """Return a panel for each sweep: time and memory relative to the first, beside proportion."""
    sweeps = list(grown.groupby(["stage", "grows"], sort=False))
    across = min(PANELS_ACROSS, len(sweeps))
    down = -(-len(sweeps) // across)
    figure = Figure(figsize=(TWO_COLUMNS, 1.7 * down + 0.3), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False)
    for axes, ((stage, grows), part) in zip(panels.flat, sweeps, strict=False):
        _draw_sweep(axes, f"{stage}: {grows}", part)
    hide_unused(panels, len(sweeps))
    lines = panels[0, 0].lines
    names = ["time", "memory", "proportional"]
    figure.legend(lines, names, loc="outside upper center", ncols=3, frameon=False)
    figure.supylabel("relative to the smallest")
    return figure


def _draw_sweep(axes: Axes, title: str, part: pd.DataFrame) -> None:
    values = part["value"].to_numpy()
    for number, column in enumerate(("seconds", "mib")):
        relative = part[column].to_numpy() / part[column].iloc[0]
        axes.plot(values, relative, markersize=3, linewidth=1.2, **line_look(number))
    axes.plot(values, values / values[0], color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(
        values, [f"{value:,}" if value < 1000 else f"{value / 1000:g}k" for value in values]
    )
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_title(title)
