"""One training in a folder at a time: two would overwrite each other's checkpoints."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starbench.errors import InputError
from starbench.machine.disk import naming
from starbench.machine.processes import rank

log = logging.getLogger(__name__)

LOCK = "training.lock"


@contextmanager
def only_training_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder during a training; the kernel releases it however that ends.

    Of several processes that train one model the first one holds it. Network file systems pass
    the lock on to the other machines where their lock service runs (NFS: not with the mount
    options ``nolock`` or ``local_lock``); where there are no locks at all, the log says so.

    Raises InputError, naming process and machine, if another training holds it.
    """
    if rank() > 0:
        yield
        return
    path = folder / LOCK
    descriptor = _locked(path)
    try:
        with naming(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise InputError(
                    f"{path.parent}: another training runs here ({holder or 'just started'}): wait "
                    "until it ends, or stop it"
                ) from None
            log.warning("%s: this file system has no locks (%s)", path, error.strerror)
            return descriptor
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed it before it was locked here


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
