"""Timing several things fairly: rounds over all of them in turn, told by medians and quartiles."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import numpy as np

Key = TypeVar("Key")
Timed = Callable[[], object]
"""Something that is timed; it returns when its work is done, on a GPU too."""


class Spread(NamedTuple):
    """The median of the rounds, and their quartiles."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of the rounds' values."""
    low, median, high = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
    return Spread(float(median), float(low), float(high))


AT_A_TIME = 8
"""Pieces of work that are timed before it is another key's turn: after the first of them the
processor's caches hold what the key needs, as where one model is served alone."""


def alternated(works: Mapping[Key, Sequence[Timed]], rounds: int) -> dict[Key, np.ndarray]:
    """Return the seconds of each piece of work in each round: {key: (rounds, pieces)}.

    A round goes through all keys, a few pieces of each at a time, so that whatever slows the
    machine for a while slows all of them; each round starts with another key. One round before
    them warms up and is not counted.

    Args:
        works: what is compared, each as the pieces of work that are timed one by one.
        rounds: rounds that count.
    """
    keys = list(works)
    for key in keys:
        for piece in works[key]:
            piece()
    found: dict[Key, list[list[float]]] = {key: [[] for _ in range(rounds)] for key in keys}
    most = max(map(len, works.values()), default=0)
    with _without_garbage_collection():
        for number in range(rounds):
            first = number % max(1, len(keys))
            for start in range(0, most, AT_A_TIME):
                for key in [*keys[first:], *keys[:first]]:
                    pieces = works[key][start : start + AT_A_TIME]
                    found[key][number] += [_seconds(piece) for piece in pieces]
    return {key: np.array(rows) for key, rows in found.items()}


def _seconds(piece: Timed) -> float:
    start = time.perf_counter()
    piece()
    return time.perf_counter() - start


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Keep Python from looking for garbage while something is timed, as `timeit` does."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
