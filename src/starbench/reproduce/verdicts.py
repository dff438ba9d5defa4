"""What is said of numbers that were made again: OK, OKish or FAIL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from starbench.reproduce.units import Check

Word = Literal["OK", "OKish", "FAIL"]
WORDS: tuple[Word, ...] = ("OK", "OKish", "FAIL")
"""From the best to the worst."""


@dataclass(frozen=True)
class Compared:
    """A number, or a file, beside what was expected of it."""

    what: str
    expected: float | None
    """None for a file, which is there or not."""
    got: float | None
    """None for what is missing."""
    word: Word
    relative: bool = False
    """Whether its tolerance is relative."""

    @property
    def difference(self) -> float:
        """How far off it is; infinite for what is missing, 0 for a file that is there."""
        if self.got is None or math.isnan(self.got):
            return math.inf
        if self.expected is None:
            return 0.0
        return abs(self.got - self.expected) / (abs(self.expected) if self.relative else 1.0)


def compared(
    check: Check, expected: Mapping[str, float], got: Mapping[str, float]
) -> list[Compared]:
    """Return every expected number beside the one that was made; what is not made has failed."""
    return [
        Compared(what, value, got.get(what), word_of(check, value, got.get(what)), check.relative)
        for what, value in expected.items()
    ]


def word_of(check: Check, expected: float, got: float | None) -> Word:
    """Return OK within `check.tolerance`, OKish within `check.wide`, FAIL beyond it or for none."""
    if got is None or math.isnan(got):
        return "FAIL"
    scale = abs(expected) if check.relative else 1.0
    difference = abs(got - expected)
    # A difference of two decimal fractions is off by their rounding to binary ones.
    slack = 1e-12 * max(1.0, abs(expected))
    if difference <= check.tolerance * scale + slack:
        return "OK"
    return "OKish" if difference <= check.wide * scale + slack else "FAIL"


def worst(words: Iterable[Word]) -> Word:
    """Return the worst of some words; FAIL for none, since nothing was compared."""
    return max(words, key=WORDS.index, default="FAIL")
