"""All figures of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from starbench.stages.report.figures.by_layer import draw_by_layer
from starbench.stages.report.figures.by_size import draw_lines, draw_overview
from starbench.stages.report.figures.exits import draw_exits
from starbench.stages.report.figures.heatmaps import (
    balanced_scale,
    differences,
    draw_all,
    draw_heatmap,
    grids,
    shared_scale,
)
from starbench.stages.report.figures.style import DIFFERENCE_MAP, save_figure
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.products import EXITS, OVERVIEW, has_grid
from starbench.stages.report.results import Results

Drawing = tuple[str, Callable[[], Figure]]
"""Name of a figure's files, and what draws it: of plain functions, so that processes share it."""


def draw_figures(results: Results, folder: Path, processes: int = 1) -> None:
    """Draw the figures that `figure_labels` lists into a folder, several at a time."""
    drawings = list(_drawings(results))
    if processes == 1:
        for drawing in drawings:
            _draw(drawing, folder)
        return
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(_draw, folder=folder), drawings))


def _draw(drawing: Drawing, folder: Path) -> None:
    stem, draw = drawing
    save_figure(draw(), folder, stem)


def _drawings(results: Results) -> Iterator[Drawing]:
    scores, config = results.scores, results.config
    groups = groups_of(config)
    yield OVERVIEW, partial(draw_overview, scores, config, groups)
    for group in groups:
        yield f"{group.name}_average_by_size", partial(draw_lines, scores, config, group)
        if has_grid(config, group):
            yield from _grid_drawings(results, group)
    if results.exits is not None:
        yield EXITS, partial(draw_exits, results.exits, config)


def _grid_drawings(results: Results, group: Group) -> Iterator[Drawing]:
    config = results.config
    found = grids(results.scores, config, group)
    scale = shared_scale(found)
    yield f"{group.name}_heatmaps", partial(draw_all, found, scale, group.label)
    for grid in found:
        stem = f"{group.name}_heatmap_{grid.name}"
        yield stem, partial(draw_heatmap, grid, scale, group.label)
    yield f"{group.name}_by_layer", partial(draw_by_layer, found, group.label)
    if len(found) > 1:
        parted = differences(found, config.compared_system)
        label = f"difference of {group.label}"
        stem = f"{group.name}_differences"
        yield stem, partial(draw_all, parted, balanced_scale(parted), label, DIFFERENCE_MAP)
