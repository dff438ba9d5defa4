"""Removing the lock that a killed Snakemake left behind, if no other one works in the folder."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import psutil

from starbench.errors import InputError
from starbench.machine.holders import FOLDER, announced_in, forget_dead

log = logging.getLogger(__name__)

FORCE = "`starbench unlock --force` removes it"


def remove_stale_lock(folder: Path, force: bool = False) -> None:
    """Remove Snakemake's lock of `folder`, and what killed Snakemakes said of themselves there.

    Raises InputError if a Snakemake is at work there and, without `force`, if one may be: on
    another machine, in another container, or nobody knows which it was.
    """
    locks = folder / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        forget_dead(folder)  # killed before they took the lock, or after they gave it back
        return
    _check_nobody_works_here(folder.resolve())
    if not force:
        _check_owner_is_dead(folder.resolve())
    try:
        shutil.rmtree(locks)
    except OSError as error:  # which names a file without its folder
        raise OSError(error.errno, error.strerror, str(locks)) from error
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    log.info("removed the lock of a Snakemake that was killed")


def _check_nobody_works_here(folder: Path) -> None:
    living = [h for h in announced_in(folder).values() if h is not None and h.state() == "alive"]
    at_work = living[0].pid if living else _snakemake_in(folder)
    if at_work is not None:
        raise InputError(f"Snakemake is already running in {folder} (process {at_work})")


def _check_owner_is_dead(folder: Path) -> None:
    announced = announced_in(folder)
    if not announced:
        raise InputError(
            f"{folder} is locked, and nothing tells by which Snakemake: if none works there, "
            f"on no other machine either, {FORCE}"
        )
    for path, holder in announced.items():
        if holder is None:
            raise InputError(f"{path} is damaged: if no Snakemake works in {folder}, {FORCE}")
        if holder.state() == "unknown":
            raise InputError(
                f"{folder} is locked by a Snakemake of another machine or container ({holder}), "
                f"which may be at work: if it is not, {FORCE}"
            )


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
