"""The config as the workflow sees it, in a file that the commands of its jobs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from starbench.config.config import Config
from starbench.config.reading import parse_config
from starbench.config.yaml_text import read_yaml
from starbench.machine.files import write_text
from starbench.run.paths import RunPaths


def effective_config(value: dict[str, Any], files: Sequence[Path | str]) -> tuple[Config, Path]:
    """Return the config as a workflow sees it, and a file that holds just that.

    Args:
        value: the workflow's config: its files merged, and what the command line changed.
        files: the config files, for errors that name file and line.

    The file is ``results/<run>/config.yaml``; it is left alone if it says the same already.
    """
    # Snakemake's own reading is laxer: it takes the last of two equal keys, for instance.
    documents = [read_yaml(Path(file)) for file in files]
    where, lines = "config", {}
    if len(files) == 1:
        where, lines = str(files[0]), documents[0].lines
    config = parse_config(value, where, lines)
    path = RunPaths.of(config).root / "config.yaml"
    text = yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return config, path
