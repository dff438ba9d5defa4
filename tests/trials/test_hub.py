"""Trials of fetching: a hub on the loopback that fails, and repositories that are wrong."""

import pytest

from tests.trials.forks import Forks
from tests.trials.hub_rows import CUT_OFF, HUB, ONLINE, hub
from tests.trials.modules import FETCHING
from tests.trials.running import environment, try_out


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    home = tmp_path_factory.mktemp("cache")
    fetching = ONLINE | {"HF_ENDPOINT": hub().url, "HF_HOME": str(home)}
    with Forks(FETCHING, environment() | fetching) as started:
        yield started
    hub().shutdown()


@pytest.mark.parametrize("row", HUB, ids=str)
def test_a_bad_input_is_one_line(forks, tmp_path, row):
    try_out(row, forks, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("row", CUT_OFF, ids=str)
def test_a_download_that_ends_early_is_one_line(forks, tmp_path, row):
    try_out(row, forks, tmp_path)
