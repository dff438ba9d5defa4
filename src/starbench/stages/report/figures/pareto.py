"""Quality against cost: every size of every system, those that others beat in grey."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from starbench.config.config import Config
from starbench.stages.report.figures.style import (
    SMALL,
    TWO_COLUMNS,
    legend_layout,
    line_look,
    look,
    wrapped,
)
from starbench.stages.report.groups import system_name
from starbench.stages.report.options import AXES, Axis

HEIGHT_IN = 2.6
GREY = "#bbbbbb"
APART = 1.05
"""How many times as dear the next size is, at least, for room to write a size's name."""
LABEL = 5.5
"""Font size in points of the sizes beside the points."""
DECADES = 2
"""Powers of ten of costs up to which 2 and 5 are ticks beside 1."""


@look()
def draw_pareto(found: pd.DataFrame, config: Config, label: str) -> Figure:
    """Return a panel for each cost that is known; costs are on a logarithmic scale.

    A line joins what no other option beats, a bar is its interval of 95 %, where that is known.

    Args:
        found: what `options_of` gives of a group.
        config: the run.
        label: what the quality is called.
    """
    axes_of = [axis for axis in AXES if found[axis.column].notna().any()]
    costed = set(found.loc[found[[axis.column for axis in AXES]].notna().any(axis=1), "system"])
    systems = [system for system in config.shown_systems if system in costed or not costed]
    titles, columns, above = legend_layout(
        [system_name(config, system) for system in systems], TWO_COLUMNS
    )
    size = TWO_COLUMNS, HEIGHT_IN + above
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, max(1, len(axes_of)), squeeze=False, sharey=True)[0]
    labels = [
        _draw(panel, found, config, axis) for panel, axis in zip(panels, axes_of, strict=False)
    ]
    panels[0].set_ylabel(label)
    handles = [_handle(panels[0], config, system) for system in systems]
    figure.legend(handles, titles, loc="outside upper center", ncols=columns, frameon=False)
    figure.draw_without_rendering()
    for written in labels:
        _without_overlaps(written)
    return figure


def _without_overlaps(written: list[Annotation]) -> None:
    """Remove each name that would be over one before it; the first and the last one stay."""
    kept: list[Bbox] = []
    for name in [*written[:1], *written[:0:-1]]:
        place = name.get_window_extent()
        if any(place.overlaps(other) for other in kept):
            name.remove()
        else:
            kept.append(place)


def _handle(panel: Axes, config: Config, system: str) -> Line2D:
    (line,) = panel.plot([], [], markersize=4, **_marker(config, system))
    return line


def _marker(config: Config, system: str) -> dict[str, Any]:
    return line_look(list(config.systems).index(system)) | {"linestyle": ""}


def _draw(panel: Axes, found: pd.DataFrame, config: Config, axis: Axis) -> list[Annotation]:
    """Draw a panel; return the names of the sizes that are written beside their points."""
    known = found[found[axis.column].notna()]
    panel.set_xscale("log")
    within = known[axis.column].max() <= 10**DECADES * known[axis.column].min()
    # Plain numbers: the look of the report shows no powers.
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if within else (1.0,)))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    for system, rows in known[~known[axis.front]].groupby("system"):
        given = _marker(config, str(system)) | {"color": GREY}
        panel.plot(rows[axis.column] * axis.scale, rows["quality"], markersize=2, zorder=1, **given)
    best = known[known[axis.front]].sort_values([axis.column, "quality"])
    costs = best[axis.column] * axis.scale
    panel.step(costs, best["quality"], where="post", color="#555555", lw=0.7, zorder=2)
    bars = (best["high"] - best["low"]) / 2
    panel.errorbar(costs, best["quality"], bars, fmt="none", ecolor="#777777", elinewidth=0.7)
    for system, rows in best.groupby("system"):
        given = _marker(config, str(system))
        panel.plot(rows[axis.column] * axis.scale, rows["quality"], markersize=4, zorder=3, **given)
    written = []
    for number, option in enumerate(_labelled(best, axis.column).to_dict("records")):
        # To the left of the first point is the axis, to its right the line.
        beside = (3, -7) if number == 0 else (-2, 3 + LABEL * (number % 2))
        name = panel.annotate(
            _told(option),
            (option[axis.column] * axis.scale, option["quality"]),
            beside,
            textcoords="offset points",
            ha="left" if number == 0 else "right",
            fontsize=LABEL,
        )
        written.append(name)
    panel.set_xlabel(wrapped(axis.title, 2.0))
    panel.margins(x=0.15)
    panel.tick_params(labelsize=SMALL)
    panel.grid(color="#eeeeee", linewidth=0.6)
    panel.set_axisbelow(True)
    return written


def _labelled(best: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the options of a front whose names are written: one where several cost about alike."""
    apart = best[column].shift(-1, fill_value=float("inf")) > APART * best[column]
    return best[apart]


def _told(option: dict[str, object]) -> str:
    """Return what is written beside a point: layers and dims, and bits other than those stored."""
    size = f"{option['layers']}/{option['dim']}"
    return size if option["stored"] else f"{size} {option['bits']}b"
