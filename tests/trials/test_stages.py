"""Trials of the stages: what one has made is damaged, missing, out of order, or out of reach."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trials.artifact_rows import ARRAYS, MANIFESTS, MODELS, RECORDS, TABLES
from tests.trials.data_rows import COLLECTIONS
from tests.trials.data_rows import RECORDS as SOURCES
from tests.trials.doctor_rows import FORKED, OWN
from tests.trials.forks import Forks, run_as_a_process
from tests.trials.modules import STAGES
from tests.trials.place_rows import FOLDERS, INTERRUPTS, LOCKS, ORDER
from tests.trials.running import ROOT, check, environment, place_of, try_both_ways, try_out

ROWS = [
    *MANIFESTS,
    *ARRAYS,
    *RECORDS,
    *MODELS,
    *TABLES,
    *ORDER,
    *FOLDERS,
    *INTERRUPTS,
    *LOCKS,
    *FORKED,
]
ALONE = [*SOURCES, *COLLECTIONS]


@pytest.fixture(scope="module")
def forks():
    with Forks(STAGES, environment()) as started:
        yield started


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run; made while the process that forks imports its libraries."""
    folder = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "tests.trials.made", str(folder)]
    subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True)
    return folder


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_bad_input_is_one_line(forks, made, tmp_path, row):
    try_out(row, forks, tmp_path, made)


@pytest.mark.parametrize("row", ALONE, ids=str)
def test_bad_data_are_one_line(forks, tmp_path, row):
    try_out(row, forks, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("row", OWN, ids=str)
def test_a_broken_environment_is_a_finding(tmp_path, row):
    place = place_of(row, tmp_path, None)
    program = Path(sys.executable).with_name("starbench")
    check(row, place, run_as_a_process(row.command_in(place), program, tmp_path))


@pytest.mark.parametrize("row", [row for row in ROWS if row.both_ways], ids=str)
def test_a_fork_does_what_a_process_does(forks, made, tmp_path, row):
    try_both_ways(row, forks, tmp_path, made)
