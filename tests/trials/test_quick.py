"""Trials of what ends before a stage begins: configs, command lines, plans."""

import pytest

from tests.trials.command_rows import ARGUMENTS, PLANS, SCORES, STREAMS
from tests.trials.config_rows import FILES, NUMBERS, PATHS
from tests.trials.doctor_rows import QUICK as DOCTOR
from tests.trials.forks import Forks
from tests.trials.modules import QUICK
from tests.trials.running import environment, try_both_ways, try_out
from tests.trials.value_rows import KEYS, NAMES

ROWS = [*FILES, *PATHS, *NUMBERS, *NAMES, *KEYS, *ARGUMENTS, *SCORES, *PLANS, *STREAMS, *DOCTOR]


@pytest.fixture(scope="module")
def forks():
    with Forks(QUICK, environment()) as started:
        yield started


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_bad_input_is_one_line(forks, tmp_path, row):
    try_out(row, forks, tmp_path)


@pytest.mark.parametrize("row", [row for row in ROWS if row.both_ways], ids=str)
def test_a_fork_does_what_a_process_does(forks, tmp_path, row):
    try_both_ways(row, forks, tmp_path)
