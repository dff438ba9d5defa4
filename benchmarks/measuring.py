"""Time as a ratio of alternated runs, and peak memory above what was there before."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Times:
    """Seconds of both sides, and the median of the ratios of the runs side by side."""

    ours_s: float
    peer_s: float
    ratio: float
    """peer / ours: above 1 where we are faster."""


def alternated(
    ours: Callable[[int], Any],
    peer: Callable[[int], Any],
    rounds: int,
    device: str,
    parts: bool = False,
) -> Times:
    """Run both sides `rounds` times in turn, each going first in every second round.

    Args:
        ours: one side; takes the number of the round.
        peer: the other one.
        rounds: how often each runs.
        device: ``cpu`` or ``cuda``.
        parts: whether the rounds are parts of one piece of work, whose seconds are added up;
            else they are the same work again, and the seconds are medians.
    """
    seconds: dict[Callable[[int], Any], list[float]] = {ours: [], peer: []}
    for number in range(rounds):
        for side in (ours, peer) if number % 2 == 0 else (peer, ours):
            seconds[side].append(timed(side, number, device))
    whole = sum if parts else median
    ratios = [other / own for own, other in zip(seconds[ours], seconds[peer], strict=True)]
    return Times(whole(seconds[ours]), whole(seconds[peer]), median(ratios))


def timed(side: Callable[[int], Any], number: int, device: str) -> float:
    """Return the seconds of one run."""
    gc.collect()
    _wait(device)
    start = time.perf_counter()
    side(number)
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def peak_mib(run: Callable[[int], Any], device: str) -> float:
    """Return the MiB that a run needs at its peak above what is in use before it.

    On a processor this is resident memory, so it counts that of every library. It must run in a
    process of its own with ``MALLOC_MMAP_THRESHOLD_`` and ``MALLOC_TRIM_THRESHOLD_`` set low:
    else the allocator keeps, and hands out again, what an earlier run has freed.
    """
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(0)
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    CLEAR.write_text("5")  # sets the peak back to what is resident now
    before = _resident("VmRSS")
    run(0)
    return _resident("VmHWM") - before


def _resident(what: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024
