"""One job in a folder at a time: two would write each other's files."""

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

log = logging.getLogger(__name__)


@contextmanager
def only_one_in(folder: Path, what: str, lock: Path | None = None) -> Iterator[None]:
    """Hold the lock of a folder during a job; the kernel releases it however that ends.

    Network file systems pass the lock on to the other machines where their lock service runs (NFS:
    not with the mount options ``nolock`` or ``local_lock``); where there are no locks at all, the
    log says so.

    Args:
        folder: what the job makes.
        what: the job in one word, for the error.
        lock: the file that is locked; a hidden one beside the folder by default, which may then be
            removed and made anew.

    Raises InputError, naming process and machine, if another job holds it.
    """
    path = lock or folder.with_name(f".{folder.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path, f"{folder}: another {what} runs here")
    try:
        with naming(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path, refusal: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise InputError(
                    f"{refusal} ({holder or 'just started'}): wait until it ends, or stop it"
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
