"""A finished run by its folder alone: the config that lies in it, and its files."""

from __future__ import annotations

from pathlib import Path

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths

CONFIG = "config.yaml"
"""The config that a run was made with, in its folder."""


def opened_run(folder: Path) -> tuple[Config, RunPaths]:
    """Return a run's config and paths; InputError for a folder without its config."""
    if not (folder / CONFIG).is_file():
        raise InputError(f"--run {folder} has no {CONFIG}: give the folder of a run, results/<run>")
    return load_config(folder / CONFIG), RunPaths(folder)
