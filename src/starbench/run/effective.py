"""The config as the workflow sees it, in a file that the commands of its jobs read.

The file is named by its contents, so that no other Snakemake changes what the jobs of a running
one read. It is written when the first job starts: a dry run, or a run that is refused, writes none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from starbench.config.config import Config
from starbench.config.reading import load_config, parse_merged
from starbench.errors import InputError
from starbench.machine.files import sha256_of_json, write_text
from starbench.run.paths import RunPaths

VARIABLE = "STARBENCH_RUN_CONFIG"
"""Environment variable that tells jobs on other machines which config their run started with."""

HASH_DIGITS = 16


@dataclass(frozen=True)
class EffectiveConfig:
    """The config of a started run, and the files that say so."""

    config: Config
    file: Path
    """What the run's jobs read: ``results/<run>/configs/<hash>.yaml``."""
    text: str

    @property
    def record(self) -> Path:
        """What the last run that did anything was started with: ``results/<run>/config.yaml``."""
        return self.file.parents[1] / "config.yaml"

    def keep(self) -> None:
        """Write the file that jobs read, unless it is there."""
        _write(self.file, self.text)

    def keep_and_record(self) -> None:
        """Write both files."""
        self.keep()
        _write(self.record, self.text)


def effective_config(
    value: dict[str, Any], files: Sequence[Path | str], prefix: str = ""
) -> EffectiveConfig:
    """Return the config as a workflow sees it; nothing is written yet.

    Args:
        value: the workflow's config: its files merged, and what the command line changed.
        files: the config files, for errors that name file and line.
        prefix: what another workflow that uses this one as a module puts before all paths.
    """
    config, value = parse_merged(value, [Path(file) for file in files])
    plain = json.loads(json.dumps(value))
    if prefix:
        if Path(config.results).is_absolute():
            raise InputError(f"results: {config.results} is absolute: no prefix can be before it")
        plain["results"] = f"{prefix}{config.results}"
        config = config.model_copy(update={"results": plain["results"]})
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    # Systems and datasets are shown in the order of the config: it counts.
    name = f"{sha256_of_json(text)[:HASH_DIGITS]}.yaml"
    return EffectiveConfig(config, RunPaths.of(config).configs / name, text)


def started_config(file: Path) -> EffectiveConfig:
    """Return the config that a run was started with, for a job that is a Snakemake of its own.

    What the config files say by now does not matter to it.
    """
    if not file.is_file():
        raise InputError(f"the config that this run was started with is gone: {file}")
    return EffectiveConfig(load_config(file), file, file.read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
