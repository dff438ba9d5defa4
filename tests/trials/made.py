"""A finished run of the base config, made by its commands one after another in one process."""

import os
import sys
from pathlib import Path

from starbench.cli import main
from starbench.store import hashes
from tests.trials.running import BASE
from tests.workflow.tiny_run import COMMANDS


def make(folder: Path) -> None:
    """Run every command of the run in a folder, with relative paths as the rows have them."""
    os.chdir(folder)
    Path("run.yaml").write_text(BASE, encoding="utf-8")
    for command in [*COMMANDS, ["data", "--leakage"], ["report", "--threads", "1"]]:
        hashes._checked.clear()
        if main([*command, "--config", "run.yaml"]):
            sys.exit(1)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
