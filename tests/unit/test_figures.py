"""`starbench.figures`: the report's figures from a config and scores.csv alone."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml

from starbench.errors import InputError
from starbench.figures import Run
from starbench.published import published_config, published_tables
from starbench.sizes import grid_of
from starbench.store.scores import Score, write_scores
from tests.unit.runs import tiny_config, tiny_value

PAGE = Path(__file__).parents[2] / "docs" / "figures-of-the-paper.md"
SYSTEMS = {
    "one": {"backbone": "tiny", "objective": "srl", "display": "One"},
    "two": {"backbone": "tiny", "objective": "2dmse", "display": "Two"},
    "three": {"backbone": "tiny", "objective": "single", "display": "Three"},
}


def value_of(system, size):
    return 0.1 * (1 + list(SYSTEMS).index(system)) + size.layers / 100 + size.dim / 1000


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A config file and the scores of its run, and nothing else."""
    monkeypatch.chdir(tmp_path)
    value = tiny_value(systems=SYSTEMS)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    config = tiny_config(systems=SYSTEMS)
    scores = [
        Score(system, seed, size, "sts", "test", "cosine_spearman", value_of(system, size), 9)
        for system in SYSTEMS
        for seed in config.seeds
        for size in grid_of(config.trained_sizes)
    ]
    folder = tmp_path / "results" / config.run
    folder.mkdir(parents=True)
    write_scores(folder / "scores.csv", scores)
    return tmp_path / "run.yaml"


def test_heatmaps_show_the_scores_of_every_cell(files):
    run = Run.of(files)
    assert run.groups == ["sts"]
    figure = run.heatmap("sts", "two")
    (image,) = figure.axes[0].images
    layers = sorted({size.layers for size in run.config.trained_sizes})
    dims = sorted({size.dim for size in run.config.trained_sizes})
    expected = [[0.2 + n / 100 + d / 1000 for d in dims] for n in layers]
    np.testing.assert_allclose(np.asarray(image.get_array()), expected)
    assert [axes.get_title() for axes in run.heatmaps("sts").axes[:3]] == ["One", "Two", "Three"]


def test_differences_are_of_the_named_system(files):
    figure = Run.of(files).differences("sts", "three")
    assert [axes.get_title() for axes in figure.axes[:2]] == ["Three − One", "Three − Two"]
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), 0.1)


def test_a_system_keeps_its_look_whatever_else_is_drawn(files):
    def looks(run):
        drawn = [*run.by_size("sts").axes[0].lines]
        names = [run.config.display("systems", name) for name in run.config.shown_systems]
        return {
            name: (line.get_color(), line.get_marker(), line.get_linestyle())
            for name, line in zip(names, drawn, strict=True)
        }

    every = looks(Run.of(files))
    chosen = looks(Run.of(files, systems=["three", "one"]))
    assert list(chosen) == ["Three", "One"]
    assert chosen == {name: every[name] for name in chosen}
    assert len(set(every.values())) == 3


def test_chosen_sizes_are_all_that_is_shown(files):
    run = Run.of(files)
    first, *_, last = run.config.trained_sizes
    names = [f"{size.layers}/{size.dim}" for size in (first, last)]
    fewer = Run.of(files, sizes=names)
    assert fewer.config.shown_sizes == [first, last]
    assert len(fewer.by_size("sts").axes[0].lines[0].get_xdata()) == 2
    assert fewer.heatmap("sts", "one").axes[0].images[0].get_array().shape == (2, 2)


@pytest.fixture(scope="module")
def page_of_the_paper(tmp_path_factory):
    """The folder in which the script of docs/figures-of-the-paper.md was run."""
    folder = tmp_path_factory.mktemp("figures")
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    return folder


def test_the_script_of_the_page_draws_every_figure_that_the_page_shows(page_of_the_paper):
    made = {path.name: path.stat().st_size for path in page_of_the_paper.iterdir()}
    shown = re.findall(r"!\[[^]]*\]\(images/(.*?)\)", PAGE.read_text(encoding="utf-8"))
    assert len(shown) == 2
    assert {*shown, "paper_sts.pdf", "paper_retrieval.pdf", "paper_out_of_domain.pdf"} <= {*made}
    assert min(made.values()) > 10_000
    for name in shown:
        drawn, kept = (
            plt.imread(folder / name) for folder in (page_of_the_paper, PAGE.parent / "images")
        )
        assert drawn.shape == kept.shape


def test_the_figures_of_the_paper_have_its_printed_averages():
    lines = Run.published().by_size("sts").axes[0].lines
    printed = published_tables().query("dataset == 'sts-average'")
    for name, line in zip(published_config().systems, lines, strict=True):
        rows = printed[printed["system"] == name]
        assert len(rows) == 6
        np.testing.assert_allclose(line.get_ydata(), rows["value"], atol=1e-4)


def test_results_are_where_the_config_says(files):
    (files.parent / "results").rename(files.parent / "elsewhere")
    value = yaml.safe_load(files.read_text()) | {"results": "elsewhere"}
    files.write_text(yaml.safe_dump(value, sort_keys=False))
    assert Run.of(files).groups == ["sts"]
    assert Run.of(files, results="elsewhere").groups == ["sts"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda file: Run.of(file, systems=["tree"]), r"no system 'tree' \(did you mean 'three'"),
        (lambda file: Run.of(file, sizes=["1/4", "9/9"]), "no trained size '9/9'"),
        (lambda file: Run.of(file).heatmaps("st"), r"no group 'st' \(did you mean 'sts'"),
        (lambda file: Run.of(file).heatmap("sts", "on"), "no system 'on' is shown"),
        (lambda file: Run.of(file, systems=["one"]).differences("sts"), "beside another one"),
        (lambda file: Run.of(file, results="nowhere"), "nowhere"),
    ],
)
def test_what_is_not_there_is_named(files, call, message):
    with pytest.raises(InputError, match=message):
        call(files)


def test_the_users_style_is_laid_over_the_look_of_the_report(files):
    (files.parent / "matplotlibrc").write_text("axes.facecolor: 00ff00\nlegend.fontsize: 5\n")
    code = (
        "from starbench.figures import Run\n"
        f"figure = Run.of('{files}').by_size('sts')\n"
        "print(figure.axes[0].get_facecolor()[:3], figure.axes[0].xaxis.label.get_fontsize())\n"
        "print({text.get_fontsize() for text in figure.legends[0].get_texts()})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files.parent, capture_output=True, text=True, check=True
    )
    # The colour and the legend are the user's, the size of labels the report's.
    assert done.stdout.splitlines() == ["(0.0, 1.0, 0.0) 8.0", "{5.0}"]
