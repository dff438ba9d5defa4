"""What of the demo is not model arithmetic: start-up, imports, the workflow, scoring, drawing."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path
from typing import Any

import psutil

log = logging.getLogger(__name__)

TARGET = 5.0
"""The demo's wall time over what is not arithmetic: at most a fifth."""


def row(run: Path) -> dict[str, Any] | None:
    """Return the row of the table for a finished demo, or None."""
    found = demo_share(run)
    if found is None:
        log.info("no finished demo in %s: make demo first for its share of arithmetic", run)
        return None
    rest, wall = found
    return {
        "work": "demo: all but model arithmetic",
        "peer": "wall time of the demo",
        "device": "cpu",
        "time_ratio": wall / rest,
        "memory_ratio": None,
        "ours_s": rest,
        "peer_s": wall,
        "max_difference": None,
        "time_target": TARGET,
        "memory_target": None,
        "precision": "fp32",
        "flops": None,
    }


def demo_share(run: Path) -> tuple[float, float] | None:
    """Return (seconds without model arithmetic, seconds) of a finished demo on all cores.

    Arithmetic is the time within the loops over training steps and texts to embed (`loop_s` of
    the manifests) on the cores that a job has; all else of the wall time is not, idle cores too.
    None if there is no finished run, or one that was interrupted or done in parts.
    """
    if not (run / "manifest.json").is_file():
        return None
    jobs = [_job(path) for path in run.glob("benchmarks/**/*.tsv")]
    wall = max(end for _, end in jobs) - min(start for start, _ in jobs)
    cores = psutil.cpu_count() or 1
    if wall > 1.5 * sum(end - start for start, end in jobs):
        return None
    arithmetic = sum(_core_seconds(path) for path in run.glob("*/**/manifest.json")) / cores
    return wall - arithmetic, wall


def _job(path: Path) -> tuple[float, float]:
    """Return when a job started and ended, in seconds."""
    with path.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    end = path.stat().st_mtime
    return end - float(row["s"]), end


def _core_seconds(path: Path) -> float:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    return float(manifest.get("loop_s", 0)) * int(manifest["hardware"]["threads"])
