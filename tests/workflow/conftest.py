"""Tiny runs that several files of tests share or take copies of."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.tiny import TINY, snakemake
from tests.workflow.tiny_run import COMMANDS, starbench, write_config


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder in which the tiny run has been made."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(TINY, folder / "run.yaml")
    snakemake(folder)
    return folder


@pytest.fixture
def changed(finished):
    """The finished run, whose config a test may change; put back afterwards."""
    yield finished
    shutil.copy(TINY, finished / "run.yaml")
    snakemake(finished, "--dry-run", "--quiet")


@pytest.fixture(scope="session")
def by_commands(tmp_path_factory) -> Path:
    """A folder with a finished run of one system on both tracks, but for the report."""
    folder = tmp_path_factory.mktemp("by-commands")
    write_config(folder)
    for command in COMMANDS:
        assert starbench(folder, *command) == 0
    return folder
