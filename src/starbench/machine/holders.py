"""Which Snakemakes work in a folder, on this machine or another: each says so in a file there.

Snakemake's own lock names no process and no machine.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from starbench.machine.files import write_json

FOLDER = Path(".snakemake", "starbench-processes")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
MACHINES_NAMESPACE = 0xEFFFFFFC
"""Linux' number of the namespace that is no container's."""

State = Literal["alive", "dead", "unknown"]


@dataclass(frozen=True)
class Holder:
    """One process, told from every other one on every machine."""

    host: str
    boot: str | None
    """The machine's start; None where the system does not say."""
    namespace: int | None
    """The container's namespace of process ids; None where there are none."""
    pid: int
    started: float
    """Seconds since 1970."""

    @classmethod
    def this_process(cls) -> Holder:
        """Return the process that asks."""
        pid = os.getpid()
        boot = BOOT_ID.read_text().strip() if BOOT_ID.is_file() else None
        namespace = PID_NAMESPACE.stat().st_ino if PID_NAMESPACE.exists() else None
        return cls(platform.node(), boot, namespace, pid, psutil.Process(pid).create_time())

    @property
    def is_possible(self) -> bool:
        """Whether all values are of their types, as those of a damaged file may not be."""
        numbers = type(self.pid) is int and self.pid > 0 and type(self.started) in (int, float)
        known = isinstance(self.boot, str | None) and type(self.namespace) in (int, type(None))
        return numbers and known and isinstance(self.host, str)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def state(self) -> State:
        """Return whether the process lives; unknown of another machine or container."""
        here = Holder.this_process()
        if self.host != here.host:
            return "unknown"
        if self.boot != here.boot:
            # Host names of containers repeat; that of a machine does not, and it was started anew.
            outside = {self.namespace, here.namespace} <= {MACHINES_NAMESPACE, None}
            return "dead" if outside else "unknown"
        if self.namespace != here.namespace:
            return "unknown"
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1
            return "alive" if same and process.status() != psutil.STATUS_ZOMBIE else "dead"
        except psutil.NoSuchProcess:
            return "dead"


def announce(folder: Path) -> None:
    """Say in `folder` that this process works there, until it ends (but for a kill)."""
    holder = Holder.this_process()
    path = folder.resolve() / FOLDER / f"{holder.host}-{holder.pid}.json"
    with contextlib.suppress(OSError):  # a folder that cannot be written in cannot be locked either
        write_json(path, asdict(holder))
        atexit.register(_withdraw, path, os.getpid())


def announced_in(folder: Path) -> dict[Path, Holder | None]:
    """Return who has said so, by file; None for a file that says nothing."""
    return {path: _read(path) for path in sorted((folder / FOLDER).glob("*.json"))}


def forget_dead(folder: Path) -> None:
    """Remove what processes that were killed have said in `folder`."""
    for path, holder in announced_in(folder).items():
        if holder is not None and holder.state() == "dead":
            _remove(path)


def _read(path: Path) -> Holder | None:
    try:
        found = Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError):
        return None
    return found if found.is_possible else None


def _withdraw(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # not a process that was forked from it
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others are there
        path.parent.rmdir()
