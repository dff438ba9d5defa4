"""Heatmaps of layers by dimensions, one a system, and of differences: all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from starbench.config.config import Config
from starbench.run.bits import scored_bits, stored_bits
from starbench.sizes import Size, dims_of, layers_of
from starbench.stages.report.figures.style import (
    COLOUR_MAP,
    ONE_COLUMN,
    SMALL,
    TWO_COLUMNS,
    hide_unused,
    look,
    text_width,
    wrapped,
)
from starbench.stages.report.groups import Group
from starbench.stages.report.numbers import shorten
from starbench.stages.report.scores import at_size, averages

CELL_IN = 0.34
"""Height of a cell in inches in a figure of its own; among others it is lower."""

WIDE_IN, NARROW_IN = 0.27, 0.2
"""Smallest widths of a cell in inches that a number of three or of two decimals fits in."""

AROUND_IN = 1.15
"""Width in inches that axis labels and colour bar take beside the heatmaps."""


@dataclass(frozen=True)
class Grid:
    """The averages of one system: values of shape (layers, dims), NaN where there is none."""

    name: str
    """Name in file names: a system, or two."""
    title: str
    layers: list[int]
    dims: list[int]
    values: np.ndarray
    outlined: frozenset[Size] = frozenset()
    """The cells with an outline: the trained sizes."""
    look: int = 0
    """Which of the looks of `line_look` its lines have."""


def grids(scores: pd.DataFrame, config: Config, group: Group) -> list[Grid]:
    """Return the grid of every system, mean over seeds, in the order of the config."""
    table = averages(scores, group)
    return [
        _grid(table, config, system, config.display("systems", system))
        for system in config.shown_systems
    ]


def grids_of_bits(
    scores: pd.DataFrame, coded: pd.DataFrame, config: Config, group: Group, system: str
) -> list[Grid]:
    """Return one system's grid with what is stored, then with each of its fewer bits.

    Args:
        scores: those of what is stored.
        coded: those with fewer bits.
        config: the run's config.
        group: whose averages are shown.
        system: the system.
    """
    stored = stored_bits(config, group.track)
    tables = {f"{stored} (stored)": scores}
    for bits in scored_bits(config, group.track):
        tables[bits] = coded[coded["bits"] == bits]
    return [_grid(averages(table, group), config, system, title) for title, table in tables.items()]


def _grid(table: pd.DataFrame, config: Config, system: str, title: str) -> Grid:
    """Return a system's grid from averages, mean over seeds."""
    sizes = config.shown_sizes
    layers, dims = layers_of(sizes), dims_of(sizes)
    cells = [[Size(n, d) for d in dims] for n in layers]
    values = [[at_size(table, system, cell)["value"].mean() for cell in row] for row in cells]
    number = list(config.systems).index(system)
    return Grid(system, title, layers, dims, np.array(values), frozenset(sizes), number)


def differences(found: Sequence[Grid], of: str) -> list[Grid]:
    """Return the grid named `of` minus every other one, where both have a cell."""
    (minuend,) = [grid for grid in found if grid.name == of]
    return [
        replace(
            grid,
            name=f"{of}_minus_{grid.name}",
            title=f"{minuend.title} − {grid.title}",
            values=minuend.values - grid.values,
        )
        for grid in found
        if grid is not minuend
    ]


def shared_scale(found: Sequence[Grid]) -> Normalize:
    """Return one colour scale for all grids, from the lowest to the highest value of any."""
    values = np.concatenate([grid.values.ravel() for grid in found])
    values = values[~np.isnan(values)]
    if not len(values):
        return Normalize(0, 1)
    low, high = math.floor(values.min() * 20) / 20, math.ceil(values.max() * 20) / 20
    return Normalize(low, high if high > low else low + 0.05)


def balanced_scale(found: Sequence[Grid]) -> Normalize:
    """Return one colour scale for all differences, with no difference in the middle."""
    values = np.concatenate([grid.values.ravel() for grid in found])
    values = values[~np.isnan(values)]
    furthest = math.ceil(abs(values).max() * 50) / 50 if len(values) else 0
    return Normalize(-furthest or -0.02, furthest or 0.02)


@look()
def draw_heatmap(grid: Grid, scale: Normalize, label: str, colours: str = COLOUR_MAP) -> Figure:
    """Return the heatmap of one system, one column wide; two for more dimensions than fit."""
    fits = len(grid.dims) * WIDE_IN <= ONE_COLUMN - AROUND_IN
    width = ONE_COLUMN if fits else TWO_COLUMNS
    height = 0.9 + CELL_IN * max(3, len(grid.layers))
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    image = _draw(axes, grid, scale, colours, width - AROUND_IN)
    axes.set_xlabel("dimensions")
    axes.set_ylabel("layers")
    _draw_bar(figure, image, [axes], label)
    return figure


@look()
def draw_all(
    found: Sequence[Grid],
    scale: Normalize,
    label: str,
    colours: str = COLOUR_MAP,
    axes_labels: tuple[str, str] = ("dimensions", "layers"),
) -> Figure:
    """Return several heatmaps side by side with one colour bar, two columns wide."""
    room, dims = TWO_COLUMNS - AROUND_IN, len(found[0].dims)
    most = 2 if len(found) == 4 else 3
    across = max(1, min(most, len(found), int(room / (dims * NARROW_IN + 0.1))))
    down = -(-len(found) // across)
    height = down * (0.5 + 0.26 * max(4, len(found[0].layers))) + 0.3
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes, grid in zip(panels.flat, found, strict=False):
        image = _draw(axes, grid, scale, colours, room / across - 0.1)
    hide_unused(panels, len(found))
    figure.supxlabel(axes_labels[0])
    figure.supylabel(axes_labels[1])
    _draw_bar(figure, image, panels, label)
    return figure


def _draw_bar(figure: Figure, image: mpl.cm.ScalarMappable, axes: Any, label: str) -> None:
    """Draw a colour bar of a tenth of an inch; a bar as tall as a page would be no easier read."""
    width, height = figure.get_size_inches()
    shrink = min(1.0, 3 / height)
    thin = max(5.0, shrink * (height - 0.7) / 0.1)
    figure.colorbar(image, ax=axes, label=label, shrink=shrink, aspect=thin, fraction=0.3 / width)


def _draw(
    axes: Axes, grid: Grid, scale: Normalize, colours: str, width: float
) -> mpl.cm.ScalarMappable:
    """Draw one grid into axes of about `width` inches."""
    axes.set_facecolor("#eeeeee")
    image = axes.imshow(
        np.ma.masked_invalid(grid.values),
        norm=scale,
        cmap=colours,
        aspect="auto",
        origin="lower",
    )
    axes.set_title(wrapped(grid.title, width))
    axes.set_xticks(range(len(grid.dims)), [str(dim) for dim in grid.dims])
    axes.set_yticks(range(len(grid.layers)), [str(layer) for layer in grid.layers])
    cell = width / len(grid.dims)
    crowded = text_width(len(str(grid.dims[-1])) + 1, SMALL) > cell
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labelrotation=90 if crowded else 0)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(grid.values.shape):
        value = float(grid.values[row, column])
        if math.isnan(value):
            axes.add_patch(_cell(row, column, fill=False, hatch="////", edgecolor="#cccccc", lw=0))
        elif cell >= NARROW_IN:
            text = shorten(value, digits=3 if cell >= WIDE_IN else 2)
            _write(axes, row, column, text, image.cmap(scale(value)))
        if Size(grid.layers[row], grid.dims[column]) in grid.outlined:
            axes.add_patch(_cell(row, column, fill=False, edgecolor="#D55E00", lw=1.6))
    return image


def _write(axes: Axes, row: int, column: int, text: str, on: tuple[float, ...]) -> None:
    colour = _readable(on)
    axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=colour)


def _cell(row: int, column: int, **look: Any) -> Rectangle:
    return Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, **look)


def _readable(colour: tuple[float, ...]) -> str:
    """Return black or white, whichever is read better on `colour`."""
    luminance = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    return "black" if luminance > 0.5 else "white"
