"""Disks: reserving space before it is written to, and saying which one is full."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
ZEROS = bytes(2**20)

REMEDIES = {
    errno.EISDIR: "a folder is where a file is needed: remove or rename it",
    errno.ENOENT: "it was removed meanwhile, or never made: make it first",
    errno.ENAMETOOLONG: "take a shorter name, or a folder nearer to the root",
    errno.ELOOP: "a link leads to itself: remove it",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "the disk or network file system fails: check it, then run again",
    errno.ESTALE: "the network file system has lost the file: run again",
}
"""What to do about an error, by its number."""


def reserve(path: Path, size: int) -> None:
    """Give a file `size` bytes on its disk, so that writing to its memory map cannot fail.

    A map of a sparse file on a full disk ends the process with a bus error. Where the file system
    cannot reserve space, zeros are written to what the file does not have yet. OSError if the disk
    has no room; disks that copy what is overwritten (ZFS, Btrfs) may still run full afterwards.
    """
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise OSError(error.errno, error.strerror, str(path)) from None
            _fill(file.fileno(), path)


def _fill(descriptor: int, path: Path) -> None:
    """Write every hole of a file; what is written already stays."""
    size, place = os.fstat(descriptor).st_size, 0
    with naming(path):
        while place < size:
            part = os.pread(descriptor, len(ZEROS), place)
            os.pwrite(descriptor, part, place)
            place += len(part)
        os.fsync(descriptor)


def free_bytes(path: Path) -> int:
    """Return how much a user may still write to the disk of `path`, which may not exist yet."""
    return shutil.disk_usage(existing(path)).free


def disk_of(path: Path) -> Path:
    """Return where the disk that holds `path` is mounted."""
    found = existing(path).resolve()
    while not found.is_mount():
        found = found.parent
    return found


def existing(path: Path) -> Path:
    """Return the innermost folder of an absolute `path` that exists, or `path` itself."""
    found = path.absolute()
    while not found.exists():
        found = found.parent
    return found


def size_text(size: float) -> str:
    """Return bytes with a unit, e.g. ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def os_error_line(error: OSError, folder: Path) -> str:
    """Return one line on an error of the operating system: file, cause and what to do.

    Args:
        error: what was raised.
        folder: what was written to, if the error names no file.
    """
    # Of a copy, and of a file that is moved, the second one is written.
    named = error.filename2 or error.filename
    path = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else folder
    known = os.strerror(error.errno) if error.errno else error.strerror
    reason = known or str(error) or type(error).__name__
    line = f"{path}: {reason[0].lower()}{reason[1:]}"
    if error.errno in FULL:
        disk = disk_of(path)
        return (
            f"{line}: the disk at {disk} has {size_text(free_bytes(disk))} free; "
            "make room there and run again"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{line}: make it readable and writable for this user, or choose another folder"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{line}: {_in_the_way(path)}"
    remedy = REMEDIES.get(error.errno or 0)
    return f"{line}: {remedy}" if remedy else line


def _in_the_way(path: Path) -> str:
    """Return what is where a folder is needed, and what to do about it."""
    for place in (*reversed(path.absolute().parents), path.absolute()):
        if place.is_symlink() and not place.exists():
            return f"'{place.name}' is a link that leads to nothing: remove it, or make its target"
        if place.exists() and not place.is_dir():
            return f"'{place.name}' is a file where a folder is needed: remove or rename it"
    return "another process has made it at the same time: run again"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in an error of the operating system that names no file, as of a full disk.

    Libraries that write files in other languages raise exceptions of their own instead; those
    become the OSError that they stand for.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise
    except Exception as error:
        if (number := _number(error, path)) is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def _number(error: Exception, path: Path) -> int | None:
    """Return the errno behind a library's exception; None if it is of another kind."""
    # Rust (safetensors, tokenizers) ends its messages so.
    if said := re.search(r"\(os error (\d+)\)", str(error)):
        return int(said[1])
    # PyTorch's writer of zip files tells nothing of the cause.
    of_pytorch = re.search(r"PytorchStreamWriter|unexpected pos", str(error))
    if isinstance(error, RuntimeError) and of_pytorch:
        return _probed(path)
    return None


def _probed(path: Path) -> int:
    """Return the errno of writing something beside `path`, EIO if that succeeds."""
    probe = existing(path if path.is_dir() else path.parent) / f".probe.{os.getpid()}.tmp"
    try:
        probe.write_bytes(ZEROS)
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        probe.unlink(missing_ok=True)
    return errno.EIO
