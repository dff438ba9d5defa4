"""All figures of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from starbench.run.bits import scored_bits
from starbench.sizes import Size, dims_of, layers_of
from starbench.stages.report.figures.by_layer import draw_by_layer
from starbench.stages.report.figures.by_size import draw_lines, draw_overview
from starbench.stages.report.figures.exits import draw_exits
from starbench.stages.report.figures.heatmaps import (
    Grid,
    balanced_scale,
    differences,
    draw_all,
    draw_heatmap,
    grids,
    grids_of_bits,
    shared_scale,
)
from starbench.stages.report.figures.pareto import draw_pareto
from starbench.stages.report.figures.style import DIFFERENCE_MAP, save_figure
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.products import EXITS, OVERVIEW, PARETO, has_grid
from starbench.stages.report.results import Results
from starbench.stages.report.tables.asymmetric import asymmetric_systems, layer_averages

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
        if group.name in results.options:
            found = results.options[group.name]
            yield f"{group.name}_{PARETO}", partial(draw_pareto, found, config, group.label)
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
    if scored_bits(config, group.track):
        yield from _bits_drawings(results, group)
    if results.asymmetric is not None:
        yield from _asymmetric_drawings(results, group)
    yield f"{group.name}_by_layer", partial(draw_by_layer, found, group.label)
    if len(found) > 1:
        parted = differences(found, config.compared_system)
        label = f"difference of {group.label}"
        stem = f"{group.name}_differences"
        yield stem, partial(draw_all, parted, balanced_scale(parted), label, DIFFERENCE_MAP)


def _bits_drawings(results: Results, group: Group) -> Iterator[Drawing]:
    """Yield for each system the heatmaps of its representations, all on one scale."""
    config = results.config
    for system in config.shown_systems:
        found = grids_of_bits(results.scores, results.coded, config, group, system)
        label = f"{group.label}: {config.display('systems', system)}"
        stem = f"{group.name}_bits_{system}"
        yield stem, partial(draw_all, found, shared_scale(found), label)


def _asymmetric_drawings(results: Results, group: Group) -> Iterator[Drawing]:
    """Yield for each system the heatmaps of query layers by passage layers, one a dimension."""
    config = results.config
    layers, dims = layers_of(config.trained_sizes), dims_of(config.shown_sizes)
    for system in asymmetric_systems(config, group):
        means = layer_averages(results, group, system)
        found = [
            Grid(
                str(dim),
                f"{dim} dimensions",
                layers,
                layers,
                np.array([[means.get((dim, q, p), np.nan) for p in layers] for q in layers]),
                # Where both are the same, it is a cell of the other heatmaps.
                frozenset(Size(n, n) for n in layers),
            )
            for dim in dims
        ]
        label = f"{group.label}: {config.display('systems', system)}"
        names = ("layers of passages", "layers of queries")
        drawn = partial(draw_all, found, shared_scale(found), label, axes_labels=names)
        yield f"{group.name}_asymmetric_{system}", drawn
