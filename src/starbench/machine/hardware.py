"""What a machine is and what it used: processor, memory, GPUs, energy."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil

RAPL = Path("/sys/class/powercap")
"""Where Linux counts the energy of processor packages; often readable by root only."""


@cache
def hardware() -> dict[str, Any]:
    """Return this machine's processor, cores, memory in GiB and GPUs, and the threads in use.

    GPUs are named only where torch is in use: importing it for their names takes seconds.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": int(os.environ.get("OMP_NUM_THREADS") or cores or 1),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": _gpus(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


class EnergyMeter:
    """Counts the energy of the whole machine from when it is made, where the machine tells."""

    def __init__(self) -> None:
        self._before = _counters()

    def joules(self) -> float | None:
        """Return the energy since then; None where no counter can be read or one ran over."""
        after = _counters()
        if not after or after.keys() != self._before.keys():
            return None
        used = [after[name] - self._before[name] for name in after]
        return round(sum(used) / 1e6, 1) if min(used) >= 0 else None


def _counters() -> dict[str, int]:
    """Return the counters of all processor packages in microjoules."""
    try:
        # A package is intel-rapl:0; intel-rapl:0:1 is a part of it.
        packages = [path for path in RAPL.glob("intel-rapl:*") if path.name.count(":") == 1]
        return {path.name: int((path / "energy_uj").read_text()) for path in packages}
    except (OSError, ValueError):
        return {}
