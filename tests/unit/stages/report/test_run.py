"""Tables and figures are functions of scores.csv: checked, shown as the paper shows them."""

import itertools
import math
import shutil

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.sizes import Size, grid_of
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
from starbench.stages.report.groups import groups_of
from starbench.stages.report.numbers import shorten
from starbench.stages.report.products import figure_names, table_names
from starbench.stages.report.run import summary, write_report
from starbench.stages.report.scores import averages, read_scores
from starbench.stages.report.tables.formats import as_csv, as_latex, as_markdown, as_text
from starbench.stages.report.tables.table import make_table
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.unit.runs import tiny_config, tiny_value

TASKS = ["test", "other", "third"]


@pytest.fixture
def config():
    """Two systems, one of them with a model per size, and three datasets."""
    pairs = {"kind": "pairs", "source": "micro", "rows": 10}
    tracks = tiny_value()["tracks"]
    tracks["sts"]["tasks"] = TASKS
    return tiny_config(
        datasets={"other": {**pairs, "display": "Other_1"}, "third": pairs},
        systems={
            "tiny-srl": {"backbone": "tiny", "objective": "srl", "display": "Tiny & SRL"},
            "tiny-sep": {"backbone": "tiny", "objective": "separate", "display": "Tiny-Separate"},
        },
        tracks=tracks,
        seeds=[1, 2],
    )


def sts_group(config):
    """The one group of a run with the STS track alone."""
    (group,) = groups_of(config)
    return group


def value_of(system, seed, size, task):
    base = 0.3 if system == "tiny-sep" else 0.2
    return base + size.layers / 20 + size.dim / 100 + TASKS.index(task) / 50 + seed / 1000


def all_scores(config, seeds=(1, 2)):
    return [
        Score(system, seed, size, "sts", task, metric, value, 10)
        for system in config.systems
        for seed in seeds
        for size in (
            config.trained_sizes if system == "tiny-sep" else grid_of(config.trained_sizes)
        )
        for task in TASKS
        for metric, value in (
            ("cosine_spearman", value_of(system, seed, size, task)),
            ("cosine_pearson", 0.99),
        )
    ]


@pytest.fixture
def crowded():
    """Twelve systems with long names, full of special characters, and twelve nameless sizes."""
    name = "A rather long name | with_special <characters> & a price of $5 to $6, number"
    return tiny_config(
        sizes=[{"layers": n, "dim": 64 * n} for n in range(1, 13)],
        systems={
            f"s{i}": {"backbone": "tiny", "objective": "srl", "display": f"{name} {i}"}
            for i in range(12)
        },
    )


@pytest.fixture
def crowded_scores(crowded, tmp_path):
    scores = [
        Score(system, 1, size, "sts", "test", "cosine_spearman", 0.3 + i / 50 + size.dim / 3000, 9)
        for i, system in enumerate(crowded.systems)
        for size in grid_of(crowded.trained_sizes)
    ]
    write_scores(tmp_path / "scores.csv", scores)
    return read_scores(tmp_path / "scores.csv", crowded)


@pytest.fixture
def written(config, tmp_path):
    """Write scores (all, or those given) and return (config, paths)."""

    def write(scores=None):
        paths = RunPaths.of(config, tmp_path)
        write_scores(paths.all_scores, all_scores(config) if scores is None else scores)
        paths.significance.write_text(",".join(SIGNIFICANCE_COLUMNS) + "\n")
        return config, paths

    return write


def rows_of(markdown):
    """The rows of the first table of a Markdown text, without its head."""
    return list(itertools.takewhile(str.strip, markdown.splitlines()))[2:]


def tabular_of(latex):
    """The lines of the tabular of a LaTeX file."""
    lines = latex.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(r"\begin{tabular}"))
    return lines[first : lines.index(r"\end{tabular}") + 1]


def table_of(config, paths):
    return make_table(read_scores(paths.all_scores, config), config, [sts_group(config)])


def test_the_table_equals_a_plain_loop_over_the_scores(written):
    config, paths = written()
    table = table_of(config, paths)
    assert table.columns == ["test", "Other_1", "third", "Average"]
    keys = itertools.product(config.trained_sizes, config.systems)
    over_sizes = table.rows[-len(config.systems) :]
    for row, (size, system) in zip(table.rows[: -len(config.systems)], keys, strict=True):
        values = np.array([[value_of(system, s, size, t) for t in TASKS] for s in (1, 2)])
        values = np.column_stack([values, values.mean(1)])
        assert (row.size, row.system) == (size, system)
        np.testing.assert_allclose(row.means, values.mean(0))
        np.testing.assert_allclose(row.deviations, values.std(0, ddof=1))
    for row, system in zip(over_sizes, config.systems, strict=True):
        own = [other.means for other in table.rows if other.system == system][:-1]
        assert (row.size, row.system) == ("all", system)
        np.testing.assert_allclose(row.means, np.mean(own, axis=0))


def test_the_csv_is_unrounded_and_tells_the_deviation(written):
    config, paths = written()
    (paths.root / "t.csv").write_text(as_csv(table_of(config, paths), config))
    frame = pd.read_csv(paths.root / "t.csv")
    first = frame.iloc[0]
    assert (first["layers"], first["dim"], first["system"]) == (1, 4, "Tiny & SRL")
    assert first["Other_1"] == pytest.approx(0.2 + 0.05 + 0.04 + 0.02 + 0.0015, abs=1e-12)
    assert first["Average std"] == pytest.approx(math.sqrt(0.5) / 1000)


def test_the_best_of_each_size_is_bold_and_ties_all_are(written):
    config, paths = written()
    rows = rows_of(as_markdown(table_of(config, paths), config))
    assert [row.count("**") // 2 for row in rows] == [0, 4] * 4
    equal = [
        s._replace(value=0.50001 if s.system == "tiny-sep" else 0.50004)
        for s in all_scores(config, seeds=(1,))
    ]
    config, paths = written(equal)
    rows = rows_of(as_markdown(table_of(config, paths), config))
    assert [row.count("**") // 2 for row in rows] == [4] * 8


def test_what_is_missing_is_a_dash_and_its_average_too(written, config):
    gone = ("tiny-srl", Size(2, 8), "third")
    kept = [s for s in all_scores(config, (1,)) if (s.system, s.size, s.dataset) != gone]
    config, paths = written(kept)
    text = as_markdown(table_of(config, paths), config)
    (line,) = [line for line in text.splitlines() if "2/8" in line and "SRL" in line]
    assert line.split(" | ")[-2:] == ["–", "– |"]
    assert ".0000" not in text
    cell = averages(read_scores(paths.all_scores, config), sts_group(config))
    cell = cell[(cell["system"] == "tiny-srl") & (cell["layers"] == 2) & (cell["dim"] == 8)]
    assert cell["value"].isna().all()


def test_a_system_without_any_score_is_missing_and_leaves_nothing_to_be_better_than(
    written, config
):
    config, paths = written([s for s in all_scores(config, (1,)) if s.system == "tiny-srl"])
    text = as_markdown(table_of(config, paths), config)
    assert text.count("| Tiny-Separate | – | – | – | – |") == len(config.sizes) + 1
    assert "**" not in text
    write_report(config, paths)


def test_latex_has_equal_columns_balanced_braces_and_no_bare_special_characters(written):
    config, paths = written()
    lines = tabular_of(as_latex(table_of(config, paths), config))
    text = "\n".join(lines)
    rows = [line for line in lines if line.endswith(r"\\")]
    assert {row.replace(r"\&", "").count("&") for row in rows} == {5}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert text.startswith(r"\begin{tabular}{llrrrr}")
    assert r"Tiny \& SRL" in text
    assert r"Other\_1" in text
    assert text.count(r"\midrule") == len(config.sizes) + 1
    assert "–" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.74551, ".7455"), (1.0, "1.0000"), (-0.05, "-.0500"), (math.nan, "–"), (0.0, ".0000"),
     (-0.00001, ".0000")],
)  # fmt: skip
def test_scores_are_printed_as_in_the_paper(value, text):
    assert shorten(value) == text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("tiny-slr,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,10",
         r":2: no system 'tiny-slr' \(did you mean 'tiny-srl'\?\)"),
        ("tiny-srl,1,1,4,n1-d4,sts,tset,cosine_spearman,0.5,10", r":2: no dataset 'tset' .*'test'"),
        ("tiny-srl,1,1,4,n1-d4,st,test,cosine_spearman,0.5,10", r":2: no track 'st'"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,1.5,10", r":2: '1.5' is no score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,good,10", r":2: 'good' is no score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,inf,10", r":2: 'inf' is no score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,,10", r":2: '' is no score"),
        ("tiny-srl,7,1,4,n1-d4,sts,test,cosine_spearman,0.5,10", r":2: no seed '7' .*1, 2"),
        ("tiny-srl,1,3,4,n3-d4,sts,test,cosine_spearman,0.5,10", r":2: layers '3', .* is no cell"),
        ("tiny-srl,1,1,4,n1-d8,sts,test,cosine_spearman,0.5,10", r":2: .*'n1-d8' is no cell"),
        ("tiny-srl,1,one,4,n1-d4,sts,test,cosine_spearman,0.5,10", r":2: layers 'one'"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,ten", r":2: 'ten' is no number of"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5", r":2: 9 values for 10 columns"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,10,1", r":2: 11 values for 10 columns"),
        ("", r":2: 0 values for 10 columns"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_right_is_named_by_its_line(config, tmp_path, row, message):
    path = tmp_path / "scores.csv"
    path.write_text(f"system,seed,layers,dim,size,track,dataset,metric,value,queries\n{row}\n")
    with pytest.raises(InputError, match=rf"scores\.csv{message}"):
        read_scores(path, config)


def test_a_missing_column_and_a_score_that_stands_twice_are_named(written, config):
    _, paths = written(all_scores(config, (1,))[:1] * 2)
    with pytest.raises(InputError, match=r"scores\.csv:3: this score stands twice: tiny-srl, 1"):
        read_scores(paths.all_scores, config)
    text = paths.all_scores.read_text().replace(",value", ",val")
    paths.all_scores.write_text(text)
    with pytest.raises(InputError, match=r"scores\.csv:1: no column 'value'"):
        read_scores(paths.all_scores, config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"scores\.csv:1: no column 'system'"),
        (b"system,seed,layers,dim,size,track,dataset,metric,value,queries,x\n", r":1: the columns"),
        (b"system\xff\n", r"scores\.csv: not a CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_of_scores_is_refused(config, tmp_path, content, message):
    path = tmp_path / "scores.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_scores(path, config)
    path.unlink()
    with pytest.raises(InputError, match=r"no scores at .*scores\.csv"):
        read_scores(path, config)


def test_a_correlation_may_be_beyond_one_by_what_rounding_adds(written, config):
    scores = all_scores(config, (1,))
    config, paths = written([scores[0]._replace(value=1.0000000000000002), *scores[1:]])
    assert read_scores(paths.all_scores, config)["value"].max() > 1


def test_a_nan_score_is_kept_as_missing(written, config):
    scores = all_scores(config, (1,))
    config, paths = written([scores[0]._replace(value=math.nan), *scores[1:]])
    assert math.isnan(table_of(config, paths).rows[0].means[0])


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


def test_the_files_written_are_those_announced_and_the_same_every_time(written):
    config, paths = written()
    write_report(config, paths)
    files = sorted(paths.root.rglob("*.*"))
    announced = {f"tables/{n}" for n in table_names(config)} | {
        f"figures/{n}" for n in figure_names(config)
    }
    announced |= {"scores.csv", "significance.csv", "manifest.json", "summary.md", "summary.html"}
    assert {str(file.relative_to(paths.root)) for file in files} == announced
    before = {file: file.read_bytes() for file in files}
    write_report(config, paths)
    assert {file: file.read_bytes() for file in files} == before


def test_the_summary_is_aligned_and_names_the_report(written):
    config, paths = written()
    text = summary(config, paths)
    lines = [line for line in text.splitlines() if "Tiny" in line]
    assert len({len(line) for line in lines}) == 1
    assert max(map(len, text.splitlines())) <= 100
    assert str(paths.root / "report.html") in text
    assert lines[1].count("*") == 3


def assert_apart_and_inside(figure, texts):
    FigureCanvasAgg(figure).draw()
    found = [text.get_window_extent() for text in texts if text.get_text()]
    assert found
    for box in found:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(found, 2))


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


def test_the_summary_of_many_sizes_and_long_names_stays_within_a_hundred_columns(
    crowded, crowded_scores
):
    text = as_text(make_table(crowded_scores, crowded, [sts_group(crowded)]), crowded)
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"{size.layers}/{size.dim}" in text.split() for size in crowded.trained_sizes)


def test_special_characters_of_a_name_break_neither_markdown_nor_latex(crowded, crowded_scores):
    table = make_table(crowded_scores, crowded, [sts_group(crowded)])
    rows = rows_of(as_markdown(table, crowded))
    assert {row.replace(r"\|", "").count("|") for row in rows} == {4}
    latex = as_latex(table, crowded)
    assert r"\textbar{} with\_special \textless{}characters\textgreater{} \& a price" in latex
    assert r"\$5 to \$6" in latex


def test_sizes_without_names_are_not_shown_twice(crowded, crowded_scores):
    table = make_table(crowded_scores, crowded, [sts_group(crowded)])
    assert as_markdown(table, crowded).startswith("| n/d | System | test |")
    assert tabular_of(as_latex(table, crowded))[0] == r"\begin{tabular}{llr}"


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


def test_sizes_with_names_have_a_column_for_them(written, config):
    _, paths = written()
    sizes = [{"layers": s.layers, "dim": s.dim, "name": f"a{s.dim}"} for s in config.sizes]
    named = config.model_copy(update={"sizes": [type(config.sizes[0])(**size) for size in sizes]})
    table = table_of(named, paths)
    assert "| a4 | 1/4 | Tiny & SRL | " in as_markdown(table, named)
    rows = tabular_of(as_latex(table, named))
    assert rows[0] == r"\begin{tabular}{lllrrrr}"
    assert rows[2].startswith("Size & $n/d$ & System & ")
    assert rows[4].startswith(r"a4 & 1/4 & Tiny \& SRL & ")
    assert rows[5].startswith(" &  & Tiny-Separate & ")
