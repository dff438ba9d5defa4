"""Trials of the workflow: Snakemake stops at a wrong config in one line, before any job."""

import pytest

from tests.trials.forks import Forks
from tests.trials.modules import WORKFLOW
from tests.trials.running import environment, try_out
from tests.trials.snakemake_rows import FILES, GIVEN

ROWS = [*GIVEN, *FILES]


@pytest.fixture(scope="module")
def forks():
    with Forks(WORKFLOW, environment()) as started:
        yield started


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_bad_input_is_one_line(forks, tmp_path, row):
    try_out(row, forks, tmp_path)
