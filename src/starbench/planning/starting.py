"""What a job costs before and after its work: every stage's own command on next to nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from starbench.errors import InputError
from starbench.planning.devices import Start
from starbench.tracks import TRACKS

_TRAINING = {"batch_size": 2, "steps": 1, "learning_rate": 0.001, "max_length": 16}
_SCORED = {"pairs": "pairs", "collection": "library", "task": "topics"}
"""A dataset of each kind that a track may score."""
CONFIG = {
    "run": "start",
    "sizes": [{"layers": 1, "dim": 4}],
    "datasets": {
        "stories": {"kind": "text", "source": "micro", "rows": 20},
        "triplets": {"kind": "triplets", "source": "micro", "rows": 4},
        "pairs": {"kind": "pairs", "source": "micro", "rows": 8},
        "library": {"kind": "collection", "source": "micro", "rows": 20, "queries": 2},
        "topics": {"kind": "task", "source": "micro", "task": "Clustering", "rows": 8},
    },
    "backbones": {
        "base": {
            "architecture": {
                "layers": 1,
                "width": 8,
                "heads": 1,
                "intermediate": 8,
                "vocabulary": 300,
            },
            "pretraining": {"objective": "mlm", "datasets": ["stories"], **_TRAINING},
        }
    },
    "systems": {"base": {"backbone": "base", "objective": "single"}},
    "tracks": {
        name: {
            "tasks": [_SCORED[track.scores]],
            "finetuning": {"dataset": "triplets", **_TRAINING},
        }
        for name, track in TRACKS.own.items()
    },
    "report": {"resamples": 100},
}
"""A run of every stage on a few short texts."""

_FETCHED = ("triplets", "pairs", "library", "topics")
_MODEL = ("--model", "base", "--seed", "42")
JOBS: list[tuple[Start | None, tuple[str, ...]]] = [
    ("data", ("data", "--dataset", "stories")),
    *((None, ("data", "--dataset", name)) for name in _FETCHED),
    ("pretrain", ("pretrain", "--backbone", "base", "--seed", "42")),
    *(
        job
        for track in TRACKS.own
        for job in (
            ("finetune", ("finetune", "--track", track, *_MODEL)),
            ("embed", ("embed", "--track", track, *_MODEL)),
            (track, ("evaluate", "model", "--track", track, *_MODEL)),
        )
    ),
    *((None, ("evaluate", "bm25", "--track", t)) for t in TRACKS.own if TRACKS[t].searches),
    (None, ("evaluate", "collect")),
    (None, ("evaluate", "compare")),
    ("report", ("report",)),
]
"""The stage that a command measures (the last one of several), and its arguments."""


def start_seconds(by_the_clock: bool) -> dict[Start, float]:
    """Return what a job of each stage takes on next to nothing.

    Args:
        by_the_clock: whether waiting counts, as for a GPU; else processor seconds.
    """
    found: dict[Start, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
        for stage, arguments in JOBS:
            seconds = _run(arguments, config, Path(folder), by_the_clock)
            if stage is not None:
                found[stage] = seconds
    return found


def _run(arguments: tuple[str, ...], config: Path, folder: Path, by_the_clock: bool) -> float:
    code = "from starbench.cli import entry; entry()"
    options = ["--config", str(config), "--results", str(folder), "--threads", "1"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, *options],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(f"starbench {arguments[0]} failed: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start if by_the_clock else used
