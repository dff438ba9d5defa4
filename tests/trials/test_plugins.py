"""Trials of packages whose entry points cannot be used: each command is a process of its own."""

import sys
from pathlib import Path

import pytest

from tests.trials.forks import run_as_a_process
from tests.trials.plugin_rows import ENVIRONMENT, PLUGINS, package
from tests.trials.running import ROOT, Row, check, files_in, place_of

PROGRAMS = Path(sys.executable).parent


def done(row, folder):
    place = place_of(row, folder, None)
    command = row.command_in(place)
    return place, run_as_a_process(command, PROGRAMS / command.words[0], folder)


@pytest.mark.parametrize("row", PLUGINS, ids=str)
def test_a_plugin_that_cannot_be_used_is_one_line(tmp_path, row):
    place, found = done(row, tmp_path)
    check(row, place, found)
    left = {name for name in files_in(place.folder) if "__pycache__" not in name}
    assert all(name == "run.yaml" or name.startswith("packages/") for name in left)


def broken(command: str, environment: dict[str, str]) -> Row:
    make = package("X = 1 / 0\n", "objectives", "mine")
    return Row("broken", command, ".*", make, environment=environment)


@pytest.mark.parametrize("command", ["--help", "plan --help", "config --help"])
def test_help_needs_no_plugin(tmp_path, command):
    _, found = done(broken(command, ENVIRONMENT), tmp_path)
    assert (found.status, found.err) == (0, "")


def test_a_variable_leaves_out_all_plugins(tmp_path):
    environment = ENVIRONMENT | {"STARBENCH_WITHOUT_PLUGINS": "1"}
    _, found = done(broken("config --config run.yaml", environment), tmp_path)
    assert (found.status, found.err) == (0, "")


def test_a_workflow_tells_a_plugin_that_cannot_be_used_in_one_line(tmp_path):
    command = f"snakemake --snakefile {ROOT / 'Snakefile'} --configfile run.yaml --dry-run"
    _, found = done(broken(command, ENVIRONMENT), tmp_path)
    assert found.status == 1
    (told,) = (line for line in (found.out + found.err).splitlines() if "plugin '" in line)
    assert told.startswith("plugin 'mine' of package 'bad-plugin': bad:X cannot be imported")
    assert "ZeroDivisionError: division by zero" in told
