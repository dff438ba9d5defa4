"""One piece of work that is done by us and by a peer, and what may be said of the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Case:
    """Both sides of a comparison, ready to run on the same inputs."""

    ours: Callable[[int], Any]
    """Does the work once and returns what came of it; takes the number of the round."""
    peer: Callable[[int], Any]
    difference: Callable[[Any, Any], float]
    """Returns the greatest difference of what both sides returned."""
    tolerance: float
    """A greater difference ends the benchmark: the two do not do the same."""
    rounds: int = 5
    parts: bool = False
    """Whether the rounds are parts of one piece of work (see `measuring.alternated`)."""


@dataclass(frozen=True)
class Work:
    """A comparison, and what it is to show."""

    name: str
    peer: str
    """What the peer is, for the table."""
    prepare: Callable[[str, Path], Case]
    """Makes the inputs on a device (``cpu``, ``cuda``); the folder is for files."""
    time_target: float | None = None
    """Least ratio peer / ours on a processor."""
    memory_target: float | None = None
    precision: str = "fp32"
    """Which of the machine's matrix rates the work is held against."""
    weighed: bool = True
    """Whether the peak memory of both sides is compared."""
