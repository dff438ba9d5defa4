"""Writing files so that nobody sees half of one; checksums of files and values."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from starbench.errors import InputError
from starbench.machine.disk import naming

OWNER_ONLY = 0o600


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it is moved to `path` only if the block succeeds.

    The block makes a file or a folder there; a folder at `path` must be gone by then. OSError,
    which names `path`, if the disk is full or does not let one write. What earlier writers of
    `path` left there when they were killed is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    for left in _left_behind(path):
        with suppress(OSError):  # another process may be at it
            _remove(left)
    try:
        with naming(path):
            yield temporary
            share(temporary)
            temporary.replace(path)
    finally:
        _remove(temporary)


def share(path: Path) -> None:
    """Let a file, or the files of a folder, be read by whom the umask lets.

    safetensors makes files that their owner alone can read.
    """
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) == OWNER_ONLY:
            file.chmod(0o666 & ~_umask())


def _umask() -> int:
    found = os.umask(0)  # it cannot be read without being set
    os.umask(found)
    return found


def _remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _left_behind(path: Path) -> list[Path]:
    """Return the temporary paths beside `path` whose processes have gone.

    One of a process of another machine counts as left behind, too. Should that write the same
    path at the same time, it does not find its own when it is done, and fails: nothing half-written
    is seen in any case.
    """
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.tmp")
    with os.scandir(path.parent) as entries:
        found = [(entry.path, pattern.fullmatch(entry.name)) for entry in entries]
    return [Path(name) for name, match in found if match and not _works(int(match[1]))]


def _works(pid: int) -> bool:
    """Whether another process with this number is there."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@contextmanager
def scratch_folder(where: str | None, key: str) -> Iterator[Path | None]:
    """Give a new folder below `where`, which may name environment variables; None for None.

    It is removed with what is in it, also when the process is told to end (scancel, SIGTERM).
    InputError names the config's `key` if there is no such folder on this machine.
    """
    if where is None:
        yield None
        return
    parent = Path(os.path.expandvars(where))
    if not parent.is_dir():
        is_unset = "$" in str(parent)
        what = "the variable is not set" if is_unset else f"there is no folder {parent}"
        raise InputError(f"{key}: {where}: {what} on {platform.node()}")
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory(prefix="starbench-", dir=parent) as folder:
            yield Path(folder)
    finally:
        signal.signal(signal.SIGTERM, before)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step (UTF-8)."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON to `path` in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON (keys sorted, no spaces) as hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
