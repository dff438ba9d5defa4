"""The checksum beside a file that no manifest lists, in the format of ``sha256sum``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starbench.errors import InputError
from starbench.machine.files import sha256_of, write_text, written_whole


def checksum_path(path: Path) -> Path:
    """Return where the checksum of a file is: ``scores.csv.sha256`` of ``scores.csv``."""
    return path.with_name(f"{path.name}.sha256")


@contextmanager
def written_with_checksum(path: Path) -> Iterator[Path]:
    """Give a temporary path, as `written_whole` does, and write the checksum of what is there."""
    with written_whole(path) as temporary:
        yield temporary
        write_text(checksum_path(path), f"{sha256_of(temporary)}  {path.name}\n")


def check(path: Path, again: str) -> None:
    """Raise InputError if a file has other bytes than its checksum says.

    A file without a checksum, as those of older versions and of one's own making, is taken as it
    is; so is one that does not exist, which its reader reports.

    Args:
        path: the file.
        again: the command that makes it anew.
    """
    beside = checksum_path(path)
    if not path.is_file() or not beside.is_file():
        return
    expected = beside.read_text(encoding="utf-8", errors="replace").split()[:1]
    found = sha256_of(path)
    if expected != [found]:
        raise InputError(
            f"{path} has other bytes (SHA-256 {found[:12]}) than {beside.name} records: remove it "
            f"and run again, or run {again}; to report it as it is, remove {beside.name}"
        )
