"""The summary's page shows every name as it is written, and runs nothing."""

import html
import re

import pytest

from starbench.config.escapes import one_line
from starbench.run.paths import RunPaths
from starbench.sizes import grid_of
from starbench.stages.report.run import write_report
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.browser import needs_browser, opened
from tests.hostile import HOSTILE
from tests.unit.runs import tiny_config, tiny_value

SCRIPT = "<script>document.title='owned'</script>"
POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\".*?>", re.DOTALL)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The config and the folder of a run whose every name is hostile."""
    pairs = {"kind": "pairs", "source": "micro", "rows": 10}
    names = iter(HOSTILE * 2)
    tracks = tiny_value()["tracks"]
    tracks["sts"]["tasks"] = ["test", "other"]
    config = tiny_config(
        title="\n".join(HOSTILE),
        datasets={name: {**pairs, "display": next(names)} for name in ("test", "other")},
        backbones={"tiny": {"checkpoint": {"name": "nowhere/<b>tiny</b>"}, "display": next(names)}},
        systems={
            f"s{i}": {"backbone": "tiny", "objective": "srl", "display": name}
            for i, name in enumerate(HOSTILE)
        },
        tracks=tracks,
    )
    paths = RunPaths.of(config, tmp_path_factory.mktemp("results"))
    write_scores(
        paths.all_scores,
        [
            Score(system, 1, size, "sts", task, "cosine_spearman", 0.5, 9)
            for system in config.systems
            for size in grid_of(config.trained_sizes)
            for task in config.tracks["sts"].tasks
        ],
    )
    paths.significance.write_text(",".join(SIGNIFICANCE_COLUMNS) + "\n")
    write_report(config, paths)
    return config, paths.root


@needs_browser
def test_every_name_is_shown_as_it_is_and_no_script_runs(hostile, tmp_path):
    config, folder = hostile
    page = (folder / "summary.html").read_text(encoding="utf-8")
    assert POLICY.search(page)
    # The names must be harmless without the page's policy too.
    (tmp_path / "page.html").write_text(POLICY.sub("", page), encoding="utf-8")
    title, lines = opened(tmp_path / "page.html", tmp_path / "profile")
    assert html.unescape(title) == one_line(config.title) == lines[0]
    for name in HOSTILE:
        assert lines.count(one_line(name)) >= 2, name
    assert any(one_line(HOSTILE[2]) + " (nowhere/<b>tiny</b>)" == line for line in lines)
    shown = " ".join(lines)
    assert one_line(HOSTILE[0]) + ", " + one_line(HOSTILE[1]) in shown


@needs_browser
def test_a_script_that_got_into_the_page_would_run_without_its_policy_and_does_not_with_it(
    hostile, tmp_path
):
    page = (hostile[1] / "summary.html").read_text(encoding="utf-8")
    attacked = page.replace("</body>", SCRIPT + "</body>")
    for name, text, title in (
        ("with", attacked, one_line(hostile[0].title)),
        ("without", POLICY.sub("", attacked), "owned"),
    ):
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        found, _ = opened(tmp_path / f"{name}.html", tmp_path / "profile")
        assert html.unescape(found) == title


def test_no_note_of_a_latex_table_leaves_its_comment(hostile):
    for path in (hostile[1] / "tables").glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        notes, _, tabular = text.partition(r"\makeatletter")
        assert all(line.startswith("% ") for line in notes.splitlines())
        assert r"\input" not in tabular
        assert "<" not in tabular
