"""Running the comparisons: equality first, then time in turn, then memory in a process apart."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import alternated, peak_mib
from benchmarks.roofline import DTYPES, counted_flops, matrix_rate
from benchmarks.scaling import SWEEPS, memory_of, seconds_of
from benchmarks.work import Work
from benchmarks.works import WORKS, demo

log = logging.getLogger(__name__)

Row = dict[str, Any]

NO_REUSE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Makes the allocator give back what is freed, so that memory in use is what is resident."""


def default_device() -> str:
    """Return ``cuda`` where there is a GPU, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def matrix_rates(device: str) -> dict[str, float]:
    """Return the machine's matrix-product rate in FLOP/s at each precision."""
    rates = {precision: matrix_rate(precision, device) for precision in DTYPES}
    for precision, rate in rates.items():
        log.info("matrix products in %s: %.0f GFLOP/s", precision, rate / 1e9)
    return rates


def compare_all(names: Sequence[str], device: str, run: Path) -> list[Row]:
    """Return a row for each comparison whose name begins with one of `names` (none: for all)."""
    wanted = [w for w in WORKS if not names or w.name.startswith(tuple(names))]
    if not wanted:
        raise SystemExit(f"no such work; there are: {', '.join(work.name for work in WORKS)}")
    rows = [compare(work, device) for work in wanted]
    if not names and (row := demo.row(run)):
        rows.append(row)
    return rows


def compare(work: Work, device: str) -> Row:
    """Return one row: ratios, seconds, the difference; FLOP of our side where they are counted.

    Raises ValueError where the two sides do not give the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        case = work.prepare(device, Path(folder))
        results: list[Any] = []
        flops = counted_flops(lambda: results.append(case.ours(0)))
        difference = case.difference(*results, case.peer(0))
        if not difference <= case.tolerance:
            raise ValueError(
                f"{work.name}: the two sides differ by {difference:.3g}, "
                f"more than {case.tolerance:.3g}"
            )
        times = alternated(case.ours, case.peer, case.rounds, device, case.parts)
    mib = _apart(["--weigh", work.name], device) if work.weighed else None
    row = {
        "work": work.name,
        "peer": work.peer,
        "device": device,
        "time_ratio": times.ratio,
        "memory_ratio": mib[1] / mib[0] if mib else None,
        "ours_s": times.ours_s,
        "peer_s": times.peer_s,
        "max_difference": difference,
        "time_target": work.time_target,
        "memory_target": work.memory_target,
        "ours_mib": mib[0] if mib else None,
        "peer_mib": mib[1] if mib else None,
        "precision": work.precision,
        # Parts are of about the same size.
        "flops": flops * (case.rounds if case.parts else 1) or None,
    }
    log.info("%s: %.2f times as fast as %s", work.name, times.ratio, work.peer)
    return row


def growth(device: str) -> list[Row]:
    """Return seconds and MiB of every sweep's values."""
    rows: list[Row] = []
    memory = _apart(["--weigh-growth"], device)
    with tempfile.TemporaryDirectory() as folder:
        for number, sweep in enumerate(SWEEPS):
            seconds = seconds_of(sweep, device, Path(folder) / str(number))
            rows += [
                {
                    "stage": sweep.stage,
                    "grows": sweep.grows,
                    "value": value,
                    "device": device,
                    "seconds": taken,
                    "mib": mib,
                }
                for value, taken, mib in zip(sweep.values, seconds, memory[number], strict=True)
            ]
            log.info("growth of the %s with %s: measured", sweep.stage, sweep.grows)
    return rows


def weigh(name: str, device: str) -> tuple[float, float]:
    """Return the peak of both sides in MiB; ours goes first, and bears what a first run costs."""
    (work,) = [work for work in WORKS if work.name == name]
    with tempfile.TemporaryDirectory() as folder:
        case = work.prepare(device, Path(folder))
        return peak_mib(case.ours, device), peak_mib(case.peer, device)


def weigh_growth(device: str) -> list[list[float]]:
    """Return the peaks of every sweep in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            memory_of(sweep, device, Path(folder) / str(number))
            for number, sweep in enumerate(SWEEPS)
        ]


def _apart(arguments: list[str], device: str) -> Any:
    """Return what this program prints last in a process of its own."""
    command = [sys.executable, "-m", "benchmarks", *arguments, "--device", device]
    done = subprocess.run(
        command, env=os.environ | NO_REUSE, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])
