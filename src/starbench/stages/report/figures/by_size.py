"""Average against size, one line per system, one panel per group of datasets."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbench.config.config import Config
from starbench.sizes import Size
from starbench.stages.report.figures.style import (
    ONE_COLUMN,
    SMALL,
    TWO_COLUMNS,
    legend_layout,
    line_look,
    look,
    text_width,
    wrapped,
)
from starbench.stages.report.groups import Group, has_bm25, system_name
from starbench.stages.report.scores import at_size, averages
from starbench.store.scores import BM25

HEIGHT_IN = 2.3


@look()
def draw_lines(scores: pd.DataFrame, config: Config, group: Group) -> Figure:
    """Return the average of every system at each trained size, one column wide.

    A band is one deviation of the seeds. BM25, which has no size, is a horizontal line.
    """
    return _drawn(scores, config, [group], ONE_COLUMN)


@look()
def draw_overview(scores: pd.DataFrame, config: Config, groups: Sequence[Group]) -> Figure:
    """Return all groups side by side, each with a scale of its own: their measures differ."""
    return _drawn(scores, config, groups, TWO_COLUMNS)


def _drawn(scores: pd.DataFrame, config: Config, groups: Sequence[Group], width: float) -> Figure:
    names, columns, above = legend_layout(_names(config, groups), width)
    figure = Figure(figsize=(width, HEIGHT_IN + above), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    room = width / len(groups) - 0.6
    for axes, group in zip(panels, groups, strict=True):
        _draw_group(axes, scores, config, group, room)
        if len(groups) > 1:
            axes.set_title(wrapped(group.title, room))
    figure.supxlabel("size (layers/dimensions)")
    drawn = max((list(axes.lines) for axes in panels), key=len)
    figure.legend(drawn, names, loc="outside upper center", ncols=columns, frameon=False)
    return figure


def _names(config: Config, groups: Sequence[Group]) -> list[str]:
    """Return the names of the lines, in the order in which a group draws them."""
    without_size = [BM25] if any(has_bm25(config, group) for group in groups) else []
    return [system_name(config, system) for system in [*config.shown_systems, *without_size]]


def _draw_group(
    axes: Axes, scores: pd.DataFrame, config: Config, group: Group, room: float
) -> None:
    """Draw a group into axes of about `room` inches."""
    table = averages(scores, group)
    sizes = config.shown_sizes
    for system in config.shown_systems:
        values = [at_size(table, system, size)["value"] for size in sizes]
        # By its place in the config: a system keeps its look whatever else is drawn.
        _draw(axes, values, list(config.systems).index(system))
    if has_bm25(config, group):
        level = at_size(table, BM25, None)["value"].mean()
        axes.plot(range(len(sizes)), [level] * len(sizes), color="#666666", lw=1, ls=(0, (1, 2)))
    width = room / len(sizes)
    ticks = [_tick(config, size, width) for size in sizes]
    axes.set_xticks(range(len(sizes)), ticks)
    crowded = max(text_width(len(line), SMALL) for tick in ticks for line in tick.split("\n"))
    axes.tick_params(axis="x", labelrotation=90 if crowded > width else 0)
    axes.set_ylabel(group.label)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


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
