"""Damage to files at drawn places."""

from __future__ import annotations

import os
import random
from pathlib import Path


def damaged(draws: random.Random, folder: Path) -> str:
    """Damage one file of a folder, drawn with the kind of damage; return what was done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    path = draws.choice(files)
    kind = draws.choice(["flipped", "flipped", "cut", "emptied", "removed"])
    size = path.stat().st_size
    if kind == "flipped":
        kind = flip(draws, path)
    elif kind == "removed":
        path.unlink()
    else:
        os.truncate(path, draws.randrange(1, size) if kind == "cut" and size > 1 else 0)
    return f"{path.relative_to(folder)} {kind}"


def flip(draws: random.Random, path: Path) -> str:
    """Change one byte of a file; its size and its time stay. Return what was done."""
    before = path.stat()
    place, mask = draws.randrange(before.st_size), draws.randrange(1, 256)
    content = bytearray(path.read_bytes())
    content[place] ^= mask
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return f"changed at byte {place} of {before.st_size}"
