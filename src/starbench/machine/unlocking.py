"""Removing the lock that a killed Snakemake left behind, if no other one works in the folder."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import psutil

from starbench.errors import InputError

log = logging.getLogger(__name__)


def remove_stale_lock(folder: Path) -> None:
    """Remove Snakemake's lock of `folder`; InputError if a Snakemake is at work there."""
    locks = folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    at_work = _snakemake_in(folder.resolve())
    if at_work is not None:
        raise InputError(f"Snakemake is already running in {folder.resolve()} (process {at_work})")
    shutil.rmtree(locks)
    log.info("removed the lock of a Snakemake that was killed")


def _snakemake_in(folder: Path) -> int | None:
    """Return the process id of a Snakemake that was started in `folder`, or None."""
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["pid"] == os.getpid():
            continue
        if not any(Path(word).name == "snakemake" for word in words[:3]):
            continue
        try:
            if Path(process.cwd()) == folder:
                return int(process.info["pid"])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None
