"""The targets of the Makefile do what they say, whatever the config and its file are called."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/workflow/tiny.yaml"
TARGETS = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[0].split()


def smallest() -> dict:
    """Return the tiny run with one track and one system that is not fine-tuned."""
    value = yaml.safe_load(TINY.read_text())
    value["tracks"].pop("retrieval")
    value["systems"] = {"base": value["systems"]["base"]}
    value["backbones"].pop("base-smae")
    value["report"] = {"resamples": 100}
    return value


@pytest.fixture
def checkout(tmp_path) -> Path:
    """This checkout by links, with the environment of the tests as the one that make set up."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "Snakefile", "workflow", "profiles", "envs", "config", "src",
                 "pyproject.toml"):  # fmt: skip
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").mkdir()
    # All that a Python needs to know that it is that of an environment.
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    for mark in (".installed", ".installed-dev"):
        (folder / ".venv" / mark).touch()
    return folder


def make(checkout: Path, *arguments: str) -> str:
    """Return what make prints; its variables of an outer make are not passed on."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=checkout,
        env=kept | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_help_describes_every_target_on_a_line_of_its_own(checkout):
    lines = [line.split(maxsplit=2) for line in make(checkout, "help").splitlines()]
    assert sorted(target for _, target, _ in lines) == sorted(TARGETS)
    assert all(word == "make" and description for word, _, description in lines)


def test_no_target_does_nothing():
    text = (ROOT / "Makefile").read_text()
    for target in TARGETS:
        rule = re.search(rf"^{target}:(?! CONFIG)(.*)\n(\t?)", text, re.M)
        assert rule, target
        assert rule[2] or rule[1].split("##")[0].strip(), target


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_planned(checkout, target):
    make(checkout, "--dry-run", target)


def test_data_fetches_every_dataset_of_a_config_with_a_space_in_its_name(checkout):
    file = checkout / "my config.yaml"
    file.write_text(yaml.safe_dump(smallest(), sort_keys=False))
    make(checkout, "data", f"CONFIG={file.name}")
    fetched = {
        path.parent.name for path in (checkout / "results/tiny/data").glob("*/manifest.json")
    }
    assert fetched == {"stories", "paraphrase"}
    assert not (checkout / "results/tiny/backbones").exists()


TITLE = """title: |
  A title of
  run: $(touch executed) `touch executed`; touch executed
"run": tiny  # the name's comment
"""


def test_run_ends_with_its_report_however_the_config_is_written(checkout):
    value = smallest()
    del value["run"], value["title"]
    (checkout / "odd 'ones'").mkdir()
    file = checkout / "odd 'ones'" / "run & co.yaml"
    file.write_text(TITLE + yaml.safe_dump(value, sort_keys=False))
    shown = make(checkout, "run", f"CONFIG={file.relative_to(checkout)}")
    assert (checkout / "results/tiny/report.html").stat().st_size > 10_000
    assert "Base" in shown
    assert not list(checkout.rglob("executed"))
    assert {path.name for path in (checkout / "results").iterdir()} == {"tiny"}
