"""The device that `starbench plan` plans for by default: what this machine has."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from starbench.errors import InputError
from starbench.planning.devices import Device, shipped

GPUS = {"H200": "h200", "H100": "h100", "A100": "a100", "RTX 4090": "rtx-4090"}
"""Part of a GPU's name -> the shipped device."""

CORES = {"amx_bf16": "xeon-core", "avx512_bf16": "epyc-core"}
"""A flag of a processor -> the shipped device, the first that fits."""


def device_at_hand() -> tuple[Device, int]:
    """Return this machine's kind of GPU or processor core, and how many of it there are.

    Raises InputError for a GPU whose rates do not ship with the package.
    """
    gpus = _gpus()
    if not gpus:
        flags = _processor_flags()
        name = next((name for flag, name in CORES.items() if flag in flags), "laptop-core")
        cores = _cores()
        return shipped()[name].model_copy(update={"cores": cores}), cores
    for part, name in GPUS.items():
        if part in gpus[0]:
            return shipped()[name], len(gpus)
    raise InputError(
        f"the rates of {gpus[0]} are not known: measure them with starbench plan --calibrate, or "
        f"name a similar device with --device ({', '.join(shipped())})"
    )


def _gpus() -> list[str]:
    """Return the names of the GPUs that jobs may use; without torch, whose import takes seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and not visible.strip():
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not names:
        return []
    return names[: len(visible.split(","))] if visible else names


def _processor_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    flags = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith("flags")]
    return set(flags[0].split()) if flags else set()


def _cores() -> int:
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
