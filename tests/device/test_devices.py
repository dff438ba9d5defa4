"""Losses, pre-training, embedding and search keep to one device; no GPU is needed to tell."""

import subprocess
import sys
from pathlib import Path


def test_everything_that_runs_on_a_gpu_runs_on_a_second_device():
    """In a process of its own: a device is known to torch for the whole process."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/device/checks.py"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
