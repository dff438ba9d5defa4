"""Heatmaps of layers by dimensions, one a system, all on one colour scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from starbench.config import Config
from starbench.reporting.scores import at_size, averages
from starbench.reporting.style import COLOUR_MAP, ONE_COLUMN, TWO_COLUMNS
from starbench.reporting.tables import shorten
from starbench.sizes import Size, dims_of, layers_of

CELL_IN = 0.34
"""Smallest height of a cell in inches: a number of 7 points fits in."""


@dataclass(frozen=True)
class Grid:
    """The averages of one system: values of shape (layers, dims), NaN where there is none."""

    system: str
    layers: list[int]
    dims: list[int]
    values: np.ndarray


def grids(scores: pd.DataFrame, config: Config, track: str) -> list[Grid]:
    """Return the grid of every system, mean over seeds, in the order of the config."""
    table = averages(scores, config, track)
    layers, dims = layers_of(config.trained_sizes), dims_of(config.trained_sizes)
    return [
        Grid(
            system,
            layers,
            dims,
            np.array(
                [[at_size(table, system, Size(n, d))["value"].mean() for d in dims] for n in layers]
            ),
        )
        for system in config.systems
    ]


def shared_scale(found: list[Grid]) -> Normalize:
    """Return one colour scale for all systems, from the lowest to the highest value of any."""
    values = np.concatenate([grid.values.ravel() for grid in found])
    values = values[~np.isnan(values)]
    if not len(values):
        return Normalize(0, 1)
    return Normalize(math.floor(values.min() * 20) / 20, math.ceil(values.max() * 20) / 20)


def draw_heatmap(grid: Grid, scale: Normalize, config: Config, label: str) -> Figure:
    """Return the heatmap of one system, one column wide."""
    width = max(ONE_COLUMN, 1.1 + 0.42 * len(grid.dims))
    figure = Figure(figsize=(width, 0.9 + CELL_IN * len(grid.layers)), layout="constrained")
    axes = figure.subplots()
    image = _draw(axes, grid, scale, config, numbers=True)
    axes.set_xlabel("dimensions")
    axes.set_ylabel("layers")
    figure.colorbar(image, ax=axes, label=label)
    return figure


def draw_all(found: list[Grid], scale: Normalize, config: Config, label: str) -> Figure:
    """Return the heatmaps of all systems side by side with one colour bar."""
    across = min(3, len(found))
    down = -(-len(found) // across)
    numbers = len(found[0].dims) <= 6
    height = down * (0.5 + 0.26 * max(4, len(found[0].layers))) + 0.3
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes, grid in zip(panels.flat, found, strict=False):
        image = _draw(axes, grid, scale, config, numbers)
    for axes in panels.flat[len(found) :]:
        axes.axis("off")
    for column in range(across):
        last = max(row for row in range(down) if row * across + column < len(found))
        panels[last, column].tick_params(labelbottom=True)
    figure.supxlabel("dimensions", fontsize=8)
    figure.supylabel("layers", fontsize=8)
    figure.colorbar(image, ax=panels, label=label, shrink=0.9)
    return figure


def _draw(
    axes: Axes, grid: Grid, scale: Normalize, config: Config, numbers: bool
) -> mpl.cm.ScalarMappable:
    axes.set_facecolor("#eeeeee")
    image = axes.imshow(
        np.ma.masked_invalid(grid.values),
        norm=scale,
        cmap=COLOUR_MAP,
        aspect="auto",
        origin="lower",
    )
    axes.set_title(config.display("systems", grid.system))
    axes.set_xticks(range(len(grid.dims)), [str(dim) for dim in grid.dims])
    axes.set_yticks(range(len(grid.layers)), [str(layer) for layer in grid.layers])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(grid.values.shape):
        value = float(grid.values[row, column])
        size = Size(grid.layers[row], grid.dims[column])
        if math.isnan(value):
            axes.add_patch(_cell(row, column, fill=False, hatch="////", edgecolor="#cccccc", lw=0))
        elif numbers:
            axes.text(
                column,
                row,
                shorten(value)[:-1],
                ha="center",
                va="center",
                fontsize=6.5,
                color=_readable(image.cmap(scale(value))),
            )
        if size in config.trained_sizes:
            axes.add_patch(_cell(row, column, fill=False, edgecolor="#D55E00", lw=1.6))
    return image


def _cell(row: int, column: int, **look: Any) -> Rectangle:
    return Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, **look)


def _readable(colour: tuple[float, float, float, float]) -> str:
    """Return black or white, whichever is read better on `colour`."""
    luminance = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    return "black" if luminance > 0.5 else "white"
