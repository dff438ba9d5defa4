"""Each number of a run has a command that makes it again, in the summary and on its page."""

import re
import shlex
from pathlib import Path

import pytest

from starbench.config.reading import load_config, parse_config
from starbench.run.jobs import JobGraph
from starbench.run.paths import RunPaths
from starbench.stages.report.commands import ELSEWHERE, commands_of
from starbench.stages.report.summary import as_html
from tests.unit.runs import tiny_value

ROOT = Path(__file__).parents[4]
LINE = re.compile(
    r"- \*\*(?P<system>.*?)\*\*, (?P<what>.*): (?P<ticks>`+)(?P<command>.*)(?P=ticks)"
)


def listed(config):
    found = [LINE.fullmatch(line) for line in commands_of(config)]
    assert all(found)
    return [(line["system"], line["what"], shlex.split(line["command"])) for line in found]


@pytest.mark.parametrize("name", ["demo", "paper", "minilm", "families", "methods"])
def test_every_scoring_job_of_a_run_has_a_command_that_asks_snakemake_for_it(name):
    config = load_config(ROOT / "config" / f"{name}.yaml")
    jobs = JobGraph(config, RunPaths.of(config, Path(ELSEWHERE))).jobs
    first = {f"seed-{config.seeds[0]}", "bm25"}
    wanted = {
        str(job.outputs[0])
        for job in jobs
        if job.rule in ("score_model", "score_bm25") and job.outputs[0].parent.name in first
    }
    targets = {words[-1] for _, _, words in listed(config)}
    assert targets == wanted
    for _, _, words in listed(config):
        assert words[:3] == ["snakemake", "--configfile", f"results/{config.run}/config.yaml"]
        assert words[3:6] == ["--config", f"results={ELSEWHERE}", "--"]


def test_a_system_with_a_model_per_size_has_a_command_for_each_size():
    config = load_config(ROOT / "config/demo.yaml")
    found = [what for system, what, _ in listed(config) if system == "BERT-Separate"]
    sizes = ("demi", "short", "tall", "grande", "venti", "trenta")
    tracks = ("sts", "retrieval")
    assert sorted(found) == sorted(f"at {s}, {t}, seed 42" for s in sizes for t in tracks)


def test_other_seeds_are_named():
    config = load_config(ROOT / "config/families.yaml")
    assert all(what.endswith("seed 42 (likewise with 43, 44)") for _, what, _ in listed(config))


def test_each_line_unfolds_on_the_page_whatever_the_names_are(tmp_path):
    systems = {
        "a": {"backbone": "tiny", "objective": "srl", "display": "<b>A</b>: `code` *x*"},
        "b": {"backbone": "tiny", "objective": "2dmse", "display": "plain"},
    }
    config = parse_config(tiny_value(systems=systems, results="my`results`&co"))
    text = "\n".join(["- **other** line", "", *commands_of(config)])
    page = as_html(text, tmp_path, "title")
    folds = re.findall(
        r"<details><summary>(.*?)</summary><code>(.*?)</code></details>", page, re.DOTALL
    )
    assert [summary for summary, _ in folds] == [
        "<strong>&lt;b&gt;A&lt;/b&gt;: `code` *x*</strong>, sts, seed 1",
        "<strong>plain</strong>, sts, seed 1",
    ]
    assert all("'my`results`&amp;co/tiny/config.yaml'" in command for _, command in folds)
    assert "<strong>other</strong> line" in page
