"""Average against size, one line a system."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbench.config import Config
from starbench.reporting.groups import FLOOR, Group, has_floor, system_name
from starbench.reporting.scores import at_size, averages
from starbench.reporting.style import SMALL, TWO_COLUMNS, line_look, look, text_width, wrapped
from starbench.sizes import Size

HEIGHT_IN, LEGEND_LINE_IN = 2.8, 0.17
LONG_NAME = 28
"""Characters above which names stand below the plot: beside it they would take its room."""


@look()
def draw_lines(scores: pd.DataFrame, config: Config, group: Group) -> Figure:
    """Return the average of every system at each trained size, with one deviation of the seeds.

    BM25, which has no size, is a horizontal line.
    """
    table = averages(scores, group)
    sizes = config.trained_sizes
    systems = [*config.systems, *([FLOOR] if has_floor(config, group) else [])]
    longest = max(len(system_name(config, system)) for system in systems)
    beside = longest <= LONG_NAME
    height = HEIGHT_IN + (0 if beside else LEGEND_LINE_IN * len(systems))
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    axes = figure.subplots()
    for number, system in enumerate(config.systems):
        _draw(axes, [at_size(table, system, size)["value"] for size in sizes], number)
    if has_floor(config, group):
        floor = at_size(table, FLOOR, None)["value"].mean()
        axes.plot(range(len(sizes)), [floor] * len(sizes), color="#666666", lw=1, ls=(0, (1, 2)))
    room = TWO_COLUMNS - 0.7 - (text_width(longest, SMALL) + 0.5 if beside else 0)
    ticks = [_tick(config, size, room / len(sizes)) for size in sizes]
    axes.set_xticks(range(len(sizes)), ticks)
    axes.set_xlabel("size (layers/dimensions)")
    axes.set_ylabel(group.label)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    names = [wrapped(system_name(config, system), TWO_COLUMNS - 0.6, SMALL) for system in systems]
    place = "outside right center" if beside else "outside lower left"
    figure.legend(axes.lines, names, loc=place, frameon=False)
    return figure


def _draw(axes: Axes, values: list[pd.Series], number: int) -> None:
    means = pd.Series([value.mean() for value in values])
    spread = pd.Series([value.std(ddof=1) for value in values])
    drawn = line_look(number)
    axes.plot(range(len(values)), means, markersize=4, linewidth=1.3, **drawn)
    if spread.notna().any():
        low, high = means - spread, means + spread
        axes.fill_between(range(len(values)), low, high, color=drawn["color"], alpha=0.15, lw=0)


def _tick(config: Config, size: Size, width: float) -> str:
    name, cut = config.size_label(size), f"{size.layers}/{size.dim}"
    return cut if name == cut else f"{wrapped(name, width, SMALL)}\n{cut}"
