"""What a training logs: one line of JSON per entry, beside the manifest of what it trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starbench.machine.files import write_text

LOG_FILE = "train_log.jsonl"


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a log, none if there is no log.

    Lines that a kill or a full disk has cut short are left out: the log informs people, nothing
    is computed from it.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(entry, dict) and isinstance(entry.get("step"), int)
    return entry if is_whole else None


def forget_after(path: Path, step: int) -> None:
    """Keep the whole lines of a log up to a step, if there is a log."""
    if path.is_file():
        kept = [entry for entry in read_log(path) if entry["step"] <= step]
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in kept))
