"""Trials of the stages: what one has made is damaged, missing, out of order, or out of reach."""

import subprocess
import sys

import pytest

from tests.trials.artifact_rows import ARRAYS, MANIFESTS, MODELS, RECORDS, TABLES
from tests.trials.forks import Forks
from tests.trials.modules import STAGES
from tests.trials.place_rows import FOLDERS, INTERRUPTS, LOCKS, ORDER
from tests.trials.running import ROOT, environment, try_both_ways, try_out

ROWS = [*MANIFESTS, *ARRAYS, *RECORDS, *MODELS, *TABLES, *ORDER, *FOLDERS, *INTERRUPTS, *LOCKS]


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


@pytest.mark.parametrize("row", [row for row in ROWS if row.both_ways], ids=str)
def test_a_fork_does_what_a_process_does(forks, made, tmp_path, row):
    try_both_ways(row, forks, tmp_path, made)
