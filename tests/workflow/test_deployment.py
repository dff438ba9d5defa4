"""The workflow where others put it: with -s, as a module, with a prefix, with results elsewhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from starbench.config.reading import load_config
from starbench.run.paths import RunPaths
from starbench.stages.report.products import products
from tests.workflow.tiny import BIN, ENVIRONMENT, ROOT, TINY

WORKFLOW = ROOT / "workflow" / "Snakefile"
COLLECTED = ("scores.csv", "adaptive.csv", "significance.csv", "leakage.csv")
LAST = {"collect_scores": 1, "compare_systems": 1, "find_leakage": 1, "draw_report": 1}
"""The jobs that are left to do where all models are scored."""
MODULE = """
configfile: "run.yaml"


module starbench:
    snakefile: {snakefile!r}
    config: config
{more}

use rule * from starbench{names}
"""


def module(folder: Path, more: str = "", names: str = "") -> None:
    """Write a workflow that uses this one as a module."""
    text = MODULE.format(snakefile=str(WORKFLOW), more=more, names=names)
    (folder / "Snakefile").write_text(text)


def with_scores(finished: Path, folder: Path, where: str = "results", **changes: str) -> Path:
    """Make a folder that holds what the tiny run has up to the scores of its models."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / where).mkdir(parents=True)
    config = yaml.safe_load(TINY.read_text()) | changes
    (folder / "run.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    ignored = shutil.ignore_patterns("tables", "figures", "summary.*", "configs", "config.yaml")
    run = folder / where / "tiny"
    shutil.copytree(finished / "results" / "tiny", run, ignore=ignored)
    for name in (*COLLECTED, "manifest.json"):
        (run / name).unlink()
    return folder


def snakemake(folder: Path, *arguments: str, environment=ENVIRONMENT) -> str:
    done = subprocess.run(
        [BIN / "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def counted(text: str) -> dict[str, int]:
    """Return {rule: jobs} of what Snakemake says that it will run or has run."""
    table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\n\n", text, re.DOTALL)
    rows = [line.split() for line in table[1].splitlines()] if table else []
    return {rule: int(count) for rule, count in rows if rule not in ("total", "default")}


def runs_to_the_end(folder: Path, *arguments: str, results: str = "results", named: str = "{}"):
    """Run what is left of the tiny run; its products are there, and then there is nothing to do."""
    done = counted(snakemake(folder, *arguments))
    assert done.pop(named.format("all"), 1) == 1
    assert done == {named.format(rule): count for rule, count in LAST.items()}
    config = load_config(folder / "run.yaml")
    paths = RunPaths.of(config, folder / results)
    assert not [str(path) for path in products(config, paths) if not path.is_file()]
    assert json.loads((paths.root / "manifest.json").read_text())["run"] == "tiny"
    assert "Nothing to be done" in snakemake(folder, *arguments, "--dry-run")
    return paths.root


def same_scores(run: Path, finished: Path) -> bool:
    return all(
        (run / name).read_bytes() == (finished / "results" / "tiny" / name).read_bytes()
        for name in COLLECTED
    )


@pytest.fixture(scope="module")
def whole(finished) -> dict[str, int]:
    """The jobs of the whole run, where nothing is there yet."""
    found = counted(
        snakemake(
            finished,
            *("--snakefile", str(ROOT / "Snakefile"), "--configfile", "run.yaml"),
            *("--dry-run", "--forceall"),
        )
    )
    assert len(found) > 10
    return found


def test_the_workflow_runs_from_a_foreign_folder(finished, whole, tmp_path):
    folder = with_scores(finished, tmp_path)
    arguments = ["--snakefile", str(WORKFLOW), "--configfile", "run.yaml"]
    assert counted(snakemake(folder, *arguments, "--dry-run", "--forceall")) == whole | {"all": 1}
    assert same_scores(runs_to_the_end(folder, *arguments), finished)


def test_without_a_config_it_runs_the_demo(tmp_path):
    text = snakemake(tmp_path, "--snakefile", str(WORKFLOW), "--dry-run", "--quiet", "host")
    assert "results/demo/summary.html" in text


def test_a_module_of_another_workflow_ends_in_its_target_all(finished, whole, tmp_path):
    folder = with_scores(finished, tmp_path)
    module(folder)
    assert counted(snakemake(folder, "--dry-run", "--forceall")) == whole | {"all": 1}
    assert same_scores(runs_to_the_end(folder), finished)


def test_a_module_can_have_a_prefix_and_names_of_its_own(finished, whole, tmp_path):
    folder = with_scores(finished, tmp_path, "embedding/results")
    module(folder, '    prefix: "embedding"\n', " as embedding_*")
    expected = {f"embedding_{rule}": count for rule, count in (whole | {"all": 1}).items()}
    assert counted(snakemake(folder, "--dry-run", "--forceall")) == expected
    run = runs_to_the_end(folder, results="embedding/results", named="embedding_{}")
    assert same_scores(run, finished)
    folders = {path.name for path in folder.iterdir() if path.is_dir()}
    assert folders == {".snakemake", "embedding"}


@pytest.mark.parametrize("where", ["elsewhere/runs", "absolute"])
def test_one_key_of_the_config_says_where_results_go(finished, tmp_path, where):
    results = str(tmp_path / "disk") if where == "absolute" else where
    folder = with_scores(finished, tmp_path / "work", results, results=results)
    arguments = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "run.yaml"]
    assert same_scores(runs_to_the_end(folder, *arguments, results=results), finished)
    assert not (folder / "results").exists()


def test_a_prefix_and_absolute_results_are_refused(tmp_path):
    config = yaml.safe_load(TINY.read_text()) | {"results": str(tmp_path / "disk")}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    module(tmp_path, '    prefix: "embedding"\n')
    with pytest.raises(AssertionError, match="is absolute: no prefix can be before it"):
        snakemake(tmp_path, "--dry-run")


def test_the_package_need_not_be_installed_where_it_lies_beside_the_workflow(finished, tmp_path):
    checkout = tmp_path / "checkout"
    for part in ("workflow", "envs", "config", "src"):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(ROOT / part, checkout / part, ignore=ignored)
    folder = with_scores(finished, tmp_path / "work")
    environment = ENVIRONMENT | {"PYTHONPATH": str(hidden_package(tmp_path))}
    importing = [BIN / "python", "-c", "import starbench"]
    done = subprocess.run(importing, env=environment, capture_output=True, text=True, check=False)
    assert "No module named 'starbench'" in done.stderr
    text = snakemake(
        folder,
        *("--snakefile", str(checkout / "workflow" / "Snakefile"), "--configfile", "run.yaml"),
        environment=environment,
    )
    assert counted(text) == LAST | {"all": 1}


def hidden_package(folder: Path) -> Path:
    """Make a folder for PYTHONPATH with which no process finds a `starbench` outside `folder`."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "from pathlib import Path\n"
        f"kept = {str(folder)!r}\n"
        "sys.path[:] = [path for path in sys.path\n"
        "               if path.startswith(kept) or not Path(path, 'starbench').is_dir()]\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
    )
    return hidden
