"""Whether files are what was recorded of them: their size and time first, then their bytes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starbench.machine.files import sha256_of

WHOLE_UP_TO = 2**30
"""Bytes up to which a file is read whole to check it; of a larger one samples are read."""

SAMPLES, SAMPLE_BYTES = 256, 2**20
"""How many pieces of a large file are read, evenly spaced from its start to its end."""


@dataclass
class Checks:
    """What the checks of this process have read, and the processor time that took."""

    files: int = 0
    bytes: int = 0
    cpu_s: float = 0.0

    def facts(self) -> dict[str, Any]:
        """Return the values for a manifest."""
        return {"files": self.files, "bytes": self.bytes, "cpu_s": round(self.cpu_s, 4)}


CHECKS = Checks()
_checked: set[tuple[object, ...]] = set()


def stat_of(path: Path) -> dict[str, Any]:
    """Return what is recorded of a file beside its SHA-256: size, time and, if large, samples."""
    found = path.stat()
    known: dict[str, Any] = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
    if found.st_size > WHOLE_UP_TO:
        known["sampled_sha256"] = sampled_sha256(path)
    return known


def sampled_sha256(path: Path) -> str:
    """Return the SHA-256 of `SAMPLES` pieces of a file that is larger than all of them."""
    last = path.stat().st_size - SAMPLE_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(last * number // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def difference(path: Path, sha256: str, stat: Mapping[str, Any] | None) -> str | None:
    """Return how a file differs from what was recorded of it; None if it does not.

    A file is hashed once a process. One with samples is read whole only if its time has changed,
    as that of a copy has.

    Args:
        path: the file.
        sha256: the SHA-256 of its bytes when it was written.
        stat: what `stat_of` gave then; None where an older version recorded none.
    """
    stat = stat or {}
    if not path.is_file():
        return "is missing"
    found = path.stat()
    size = stat.get("size", found.st_size)
    if found.st_size != size:
        return f"has {found.st_size} bytes, not {size} as recorded"
    key = (str(path.absolute()), found.st_ino, found.st_size, found.st_mtime_ns, sha256)
    if key in _checked:
        return None
    sampled = stat.get("sampled_sha256") if stat.get("mtime_ns") == found.st_mtime_ns else None
    start = time.thread_time()
    read, expected = (sampled_sha256(path), sampled) if sampled else (sha256_of(path), sha256)
    CHECKS.cpu_s += time.thread_time() - start
    CHECKS.files += 1
    CHECKS.bytes += SAMPLES * SAMPLE_BYTES if sampled else found.st_size
    if read != expected:
        return f"has other bytes (SHA-256 {read[:12]}) than recorded ({expected[:12]})"
    _checked.add(key)
    return None
