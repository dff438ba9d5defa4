"""docs/add-a-method.md as a reader follows it: its files, `pip install -e`, a run, the table.

`make test-plugins` runs it. The virtual environment is a new one that sees the packages of the one
that runs the tests; the package lies in a temporary folder, and nothing is fetched.
"""

import csv
import json
import os
import re
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.plugins import page

pytestmark = pytest.mark.skipif(
    not os.environ.get("STARBENCH_TEST_PLUGINS"), reason="make test-plugins sets it up"
)
OWN = ("total", "all", "default")
"""Rows of the table of jobs that make nothing."""
PROGRAM = '#!/bin/sh\nexec "$(dirname "$0")/python" -m {} "$@"\n'


def environment(folder: Path) -> dict[str, str]:
    """Make a virtual environment that sees the checkout and this one's packages; return its own."""
    venv.create(folder, with_pip=True)
    # Python 3.11 brings an old one, which would come before the one that is seen.
    old = [folder / "bin" / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"]
    subprocess.run(old, env={"PATH": os.environ["PATH"]}, check=True)
    (own,) = folder.glob("lib/python*/site-packages")
    seen = [str(page.ROOT / "src"), sysconfig.get_path("purelib")]
    (own / "seen.pth").write_text("\n".join(seen) + "\n")
    for name in ("starbench", "snakemake"):
        (folder / "bin" / name).write_text(PROGRAM.format(name))
        (folder / "bin" / name).chmod(0o755)
    left_out = ("PYTHONPATH", "VIRTUAL_ENV", "STARBENCH_WITHOUT_PLUGINS", "STARBENCH_DATA")
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    # No package index is asked: what builds the package is among the packages that are seen.
    alone = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}
    return kept | alone | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def bash(folder: Path, environment: dict[str, str], *lines: str) -> str:
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The folder after all commands of the page, its environment, and what they printed."""
    folder = tmp_path_factory.mktemp("lab")
    page.write_files(folder)
    own = environment(tmp_path_factory.mktemp("venv"))
    return folder, own, bash(folder, own, *page.commands())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results/lab/scores.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_page_has_its_commands():
    assert [line.split()[0] for line in page.commands()] == [
        "pip",
        "python",
        *("starbench", "starbench", "snakemake", "starbench"),
    ]


def test_the_package_is_outside_the_checkout_and_none_of_its_files_is_touched(worked):
    folder, own, _ = worked
    assert page.ROOT not in folder.parents
    where = bash(folder, own, "python -c 'import starbench_lab; print(starbench_lab.__file__)'")
    assert str(folder / "lab" / "starbench_lab") in where
    command = ["git", "status", "--porcelain"]
    done = subprocess.run(command, cwd=page.ROOT, capture_output=True, text=True, check=True)
    assert "starbench_lab" not in done.stdout and "results/lab" not in done.stdout


def test_every_system_has_the_scores_of_every_measure(worked):
    found = rows(worked[0])
    by_track = {track: {r["metric"] for r in found if r["track"] == track} for track in
                ("sts", "retrieval", "duplicates")}  # fmt: skip
    assert by_track["sts"] == {
        *("cosine_spearman", "cosine_pearson", "kendall", "manhattan_spearman"),
    }
    assert {"All@10", "AP", "nDCG@20", "RR@10"} <= by_track["retrieval"]
    assert by_track["duplicates"] == {"accuracy"}
    assert {r["system"] for r in found} == {"base", "fading", "ernie", "bm25"}


def test_the_tables_show_the_plugins_measures_and_track(worked):
    folder, _, told = worked
    tables = folder / "results/lab/tables"
    best = {
        (r["layers"], r["dim"]): f"{float(r['value']):.4f}".lstrip("0")
        for r in rows(folder)
        if (r["system"], r["metric"]) == ("ernie", "accuracy")
    }
    lines = (tables / "duplicates.md").read_text().splitlines()
    assert best["1", "8"] in next(line for line in lines if "half" in line and "ernie" in line)
    assert "All@10" in (tables / "in_domain.md").read_text()
    assert "All@10 of library" in told
    assert "duplicates" in (folder / "results/lab/significance.csv").read_text()


def test_the_summary_describes_the_objective_and_names_the_package(worked):
    text = (worked[0] / "results/lab/summary.md").read_text()
    assert "every size at each step, smaller ones with less weight" in text
    assert "objectives: fading of starbench-lab 0.1.0" in text


def test_manifests_have_the_version_and_the_hash(worked):
    root = worked[0] / "results/lab"
    made = json.loads((root / "models/sts/fading/seed-42/manifest.json").read_text())
    used = made["config"]["plugins"]["objectives: fading"]
    assert made["versions"]["starbench-lab"] == "0.1.0"
    assert re.fullmatch("[0-9a-f]{64}", used["sha256"])
    whole = json.loads((root / "manifest.json").read_text())["plugins"]
    assert whole["objectives: fading"] == used | {"version": "0.1.0"}
    assert set(whole) == {
        *("objectives: fading", "pretraining_objectives: mae", "sources: csv"),
        *("measures: All@10", "measures: kendall", "tracks: duplicates", "encoders: ernie"),
    }
    untouched = json.loads((root / "models/sts/base/seed-42/manifest.json").read_text())
    assert "plugins" not in untouched["config"]


def planned(folder: Path, own: dict[str, str]) -> dict[str, int]:
    (command,) = (line for line in page.commands() if line.startswith("snakemake"))
    text = bash(folder, own, f"{command} --dry-run --quiet host")
    table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\n\n", text, re.DOTALL)
    found = [line.split() for line in table[1].splitlines()] if table else []
    return {rule: int(count) for rule, count in found if rule not in OWN}


def test_a_second_run_does_nothing(worked):
    assert planned(*worked[:2]) == {}


def test_a_changed_measure_scores_again_and_trains_embeds_and_searches_nothing(worked):
    folder, own, _ = worked
    path = folder / "lab/starbench_lab/measures.py"
    before = path.read_text()
    path.write_text(before + "# changed\n")
    jobs = planned(folder, own)
    path.write_text(before)
    assert (jobs.pop("score_model"), jobs.pop("score_bm25")) == (6, 1)
    assert set(jobs) == {"collect_scores", "compare_systems", "draw_report"}
