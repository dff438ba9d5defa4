"""All figures of a report."""

from __future__ import annotations

from pathlib import Path

from starbench.reporting import OVERVIEW, has_grid
from starbench.reporting.groups import Group, groups_of
from starbench.reporting.heatmaps import (
    balanced_scale,
    differences,
    draw_all,
    draw_heatmap,
    grids,
    shared_scale,
)
from starbench.reporting.layer_lines import draw_by_layer
from starbench.reporting.lines import draw_lines, draw_overview
from starbench.reporting.results import Results
from starbench.reporting.style import DIFFERENCE_MAP, save_figure


def draw_figures(results: Results, folder: Path) -> None:
    """Draw the figures that `figure_labels` lists into a folder."""
    scores, config = results.scores, results.config
    groups = groups_of(config)
    save_figure(draw_overview(scores, config, groups), folder, OVERVIEW)
    for group in groups:
        save_figure(draw_lines(scores, config, group), folder, f"{group.name}_average_by_size")
        if has_grid(config, group):
            _draw_grids(results, group, folder)


def _draw_grids(results: Results, group: Group, folder: Path) -> None:
    config = results.config
    found = grids(results.scores, config, group)
    scale = shared_scale(found)
    save_figure(draw_all(found, scale, group.label), folder, f"{group.name}_heatmaps")
    for grid in found:
        stem = f"{group.name}_heatmap_{grid.name}"
        save_figure(draw_heatmap(grid, scale, group.label), folder, stem)
    save_figure(draw_by_layer(found, group.label), folder, f"{group.name}_by_layer")
    if len(found) > 1:
        parted = differences(found, config.compared_system)
        label = f"difference of {group.label}"
        drawn = draw_all(parted, balanced_scale(parted), label, DIFFERENCE_MAP)
        save_figure(drawn, folder, f"{group.name}_differences")
