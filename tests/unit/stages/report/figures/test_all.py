"""Figures are functions of scores.csv: every cell is shown, and nothing overlaps."""

import itertools
import math
import shutil

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from starbench.stages.report.figures.by_layer import draw_by_layer
from starbench.stages.report.figures.by_size import draw_lines, draw_overview
from starbench.stages.report.figures.heatmaps import (
    balanced_scale,
    differences,
    draw_all,
    draw_heatmap,
    grids,
    shared_scale,
)
from starbench.stages.report.run import write_report
from starbench.stages.report.scores import read_scores
from tests.unit.stages.report.scored import TASKS, all_scores, sts_group, value_of


def assert_apart_and_inside(figure, texts):
    FigureCanvasAgg(figure).draw()
    found = [text.get_window_extent() for text in texts if text.get_text()]
    assert found
    for box in found:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(found, 2))


def test_all_heatmaps_have_one_scale_and_show_every_cell(written):
    config, paths = written()
    found = grids(read_scores(paths.all_scores, config), config, sts_group(config))
    assert [np.isnan(grid.values).sum() for grid in found] == [0, 6]
    values = np.concatenate([grid.values.ravel() for grid in found])
    scale = shared_scale(found)
    assert scale.vmin <= np.nanmin(values) <= np.nanmax(values) <= scale.vmax
    figures = [draw_heatmap(grid, scale, "x") for grid in found]
    limits = {figure.axes[0].images[0].get_clim() for figure in figures}
    assert limits == {(scale.vmin, scale.vmax)}
    shown = [{text.get_text() for text in figure.axes[0].texts} for figure in figures]
    for grid, texts in zip(found, shown, strict=True):
        assert texts == {f"{v:.3f}"[1:] for v in grid.values.ravel() if not math.isnan(v)}
    outlined = [p for p in figures[0].axes[0].patches if p.get_linewidth() > 1]
    corners = {(round(p.get_x() + 0.47), round(p.get_y() + 0.47)) for p in outlined}
    assert corners == {(0, 0), (1, 1), (2, 2)}
    assert {i.get_clim() for a in draw_all(found, scale, "x").axes for i in a.images} == limits


def test_lines_show_the_averages_in_different_looks_with_a_band_for_the_seeds(written):
    config, paths = written()
    axes = draw_lines(read_scores(paths.all_scores, config), config, sts_group(config)).axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}) == 2
    expected = [
        np.mean([value_of("tiny-sep", s, size, t) for s in (1, 2) for t in TASKS])
        for size in config.trained_sizes
    ]
    np.testing.assert_allclose(lines[1].get_ydata(), expected)
    assert len(axes.collections) == 2


def test_nothing_overlaps_or_is_cut_in_heatmaps_of_many_sizes_and_long_names(
    crowded, crowded_scores
):
    found = grids(crowded_scores, crowded, sts_group(crowded))[:4]
    scale = shared_scale(found)
    every = draw_all(found, scale, "average Spearman")
    assert every.get_figwidth() == 7.0
    panels = [axes for axes in every.axes if axes.images]
    assert_apart_and_inside(every, [text for axes in panels for text in [axes.title, *axes.texts]])
    assert_apart_and_inside(every, panels[-1].get_xticklabels())
    single = draw_heatmap(found[0], scale, "average Spearman")
    axes = single.axes[0]
    assert len(axes.texts) == 144
    assert_apart_and_inside(single, [axes.title, *axes.texts, *axes.get_xticklabels()])


def test_twelve_systems_have_lines_that_differ_and_names_outside_the_plot(crowded, crowded_scores):
    figure = draw_lines(crowded_scores, crowded, sts_group(crowded))
    axes, (legend,) = figure.axes[0], figure.legends
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == len({line.get_marker() for line in axes.lines}) == 12
    assert_apart_and_inside(figure, [*legend.get_texts(), *axes.get_xticklabels()])
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_the_overview_has_a_panel_a_group_and_its_legend_covers_nothing(crowded, crowded_scores):
    group = sts_group(crowded)
    figure = draw_overview(crowded_scores, crowded, [group, group, group])
    assert figure.get_figwidth() == 7.0
    (legend,) = figure.legends
    assert_apart_and_inside(figure, [*legend.get_texts(), *(axes.title for axes in figure.axes)])
    for axes in figure.axes:
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
        assert_apart_and_inside(figure, axes.get_xticklabels())


def test_lines_by_layer_have_a_panel_a_layer_one_scale_and_the_grids_values(
    crowded, crowded_scores
):
    found = grids(crowded_scores, crowded, sts_group(crowded))
    figure = draw_by_layer(found, "average Spearman")
    panels = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title() for axes in panels][:2] == ["1 layer", "2 layers"]
    assert len(panels) == 12 and len({axes.get_ylim() for axes in panels}) == 1
    for row, axes in enumerate(panels):
        for grid, line in zip(found, axes.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), grid.values[row])
    (legend,) = figure.legends
    assert_apart_and_inside(figure, [*legend.get_texts(), *(axes.title for axes in panels)])
    assert not any(legend.get_window_extent().overlaps(a.get_window_extent()) for a in panels)


def test_differences_are_of_the_compared_system_and_balanced(written):
    config, paths = written()
    found = grids(read_scores(paths.all_scores, config), config, sts_group(config))
    (parted,) = differences(found, "tiny-sep")
    np.testing.assert_array_equal(parted.values, found[1].values - found[0].values)
    assert parted.title == "Tiny-Separate − Tiny & SRL"
    scale = balanced_scale([parted])
    assert scale.vmin == -scale.vmax
    assert scale.vmax >= np.nanmax(abs(parted.values))


def test_the_look_is_the_same_whatever_the_user_has_set_and_leaves_that_alone(written):
    config, paths = written()
    write_report(config, paths)
    drawn = paths.root / "figures/sts_average_by_size.png"
    before = drawn.read_bytes()
    with mpl.rc_context({"font.size": 20, "axes.linewidth": 9, "savefig.dpi": 50}):
        write_report(config, paths)
        assert mpl.rcParams["font.size"] == 20
    assert drawn.read_bytes() == before


def test_several_processes_draw_the_same_bytes(written):
    config, paths = written()
    write_report(config, paths)
    figures = paths.root / "figures"
    drawn = {path.name: path.read_bytes() for path in figures.iterdir()}
    shutil.rmtree(figures)
    write_report(config, paths, processes=2)
    assert {path.name: path.read_bytes() for path in figures.iterdir()} == drawn


def test_equal_values_everywhere_still_have_a_colour_scale(written, config):
    config, paths = written([s._replace(value=0.5) for s in all_scores(config)])
    scale = shared_scale(grids(read_scores(paths.all_scores, config), config, sts_group(config)))
    assert scale.vmin <= 0.5 <= scale.vmax > scale.vmin
