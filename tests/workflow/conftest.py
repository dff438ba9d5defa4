"""One tiny run that several files of tests take copies of."""

from pathlib import Path

import pytest

from tests.workflow.tiny_run import COMMANDS, starbench, write_config


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder with a finished run of one system on both tracks, but for the report."""
    folder = tmp_path_factory.mktemp("finished")
    write_config(folder)
    for command in COMMANDS:
        assert starbench(folder, *command) == 0
    return folder
