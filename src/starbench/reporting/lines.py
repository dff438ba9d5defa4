"""Average against size, one line a system."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from starbench.config import Config
from starbench.reporting.scores import at_size, averages
from starbench.reporting.style import COLOURS, LINES, MARKERS, TWO_COLUMNS


def draw_lines(scores: pd.DataFrame, config: Config, track: str, label: str) -> Figure:
    """Return the average of every system at each trained size, with one deviation of the seeds."""
    table = averages(scores, config, track)
    sizes = config.trained_sizes
    figure = Figure(figsize=(TWO_COLUMNS, 2.8), layout="constrained")
    axes = figure.subplots()
    for number, system in enumerate(config.systems):
        values = [at_size(table, system, size)["value"] for size in sizes]
        means = pd.Series([value.mean() for value in values])
        spread = pd.Series([value.std(ddof=1) for value in values])
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            range(len(sizes)),
            means,
            color=colour,
            marker=MARKERS[number % len(MARKERS)],
            linestyle=LINES[number % len(LINES)],
            markersize=4,
            linewidth=1.3,
            label=config.display("systems", system),
        )
        if spread.notna().any():
            axes.fill_between(
                range(len(sizes)), means - spread, means + spread, color=colour, alpha=0.15, lw=0
            )
    axes.set_xticks(range(len(sizes)), [_tick(config, size) for size in sizes])
    axes.set_xlabel("size (layers/dimensions)")
    axes.set_ylabel(label)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def _tick(config: Config, size: object) -> str:
    name = config.size_label(size)  # type: ignore[arg-type]
    cut = f"{size.layers}/{size.dim}"  # type: ignore[attr-defined]
    return cut if name == cut else f"{name}\n{cut}"
