"""Accuracy against what it takes: fixed sizes, texts that leave early, and the oracle."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbench.config.config import Config
from starbench.stages.report.figures.style import COLOURS, TWO_COLUMNS, look, wrapped
from starbench.stages.report.groups import system_name
from starbench.stages.report.tables.exits import COSTS, chains

PANEL_IN = 1.6
LABELS = {
    "dims": "mean dimensions",
    "layers": "mean layers",
    "sizes": "mean multiply-adds (millions)",
}
LOOKS: dict[str, dict[str, Any]] = {
    "fixed": {"color": "#666666", "marker": "o", "linestyle": "--"},
    "threshold": {"color": COLOURS[0], "marker": "s", "linestyle": "-"},
    "oracle": {"color": COLOURS[1], "marker": "^", "linestyle": ":"},
}
NAMES = ("the same size for all texts", "each text at the first confident size", "oracle")


@look()
def draw_exits(found: pd.DataFrame, config: Config) -> Figure:
    """Return a row of panels for each system, one panel for each chain of sizes."""
    by_system = {system: dict(chains(found, system)) for system in config.shown_systems}
    drawn = {system: parts for system, parts in by_system.items() if parts}
    columns = [name for name in COSTS if any(name in parts for parts in drawn.values())]
    if not drawn:
        figure = Figure(figsize=(TWO_COLUMNS, 0.6))
        figure.text(0.5, 0.5, "No model is scored at several sizes.", ha="center", va="center")
        return figure
    height = PANEL_IN * len(drawn) + 0.6
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = figure.subplots(len(drawn), len(columns), squeeze=False, sharex="col")
    for row, (system, parts) in zip(panels, drawn.items(), strict=True):
        for axes, chain in zip(row, columns, strict=True):
            if chain in parts:
                _draw(axes, parts[chain], chain)
            else:
                axes.axis("off")
        row[0].set_ylabel(wrapped(system_name(config, system), PANEL_IN))
    for axes, chain in zip(panels[-1], columns, strict=True):
        axes.set_xlabel(LABELS[chain])
    lines = next(axes.lines for axes in panels.flat if axes.lines)
    figure.supylabel("accuracy")
    figure.legend(lines, NAMES, loc="outside upper center", ncols=len(NAMES), frameon=False)
    return figure


def _draw(axes: Axes, means: pd.DataFrame, chain: str) -> None:
    cost = COSTS[chain]
    for policy, drawn in LOOKS.items():
        rows = means[means["policy"] == policy]
        values = rows[cost] / (1e6 if cost == "multiply_adds" else 1)
        axes.plot(values, rows["accuracy"], markersize=3, linewidth=1.1, **drawn)
    if chain == "dims":
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:.0f}")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
