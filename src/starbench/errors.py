"""Exceptions that the command line prints as one line: what a user can put right, or repeat."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, where, and what would be right.

    Args:
        mistakes: a message each; one, but for a config, of which several are told at once.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class TimeIsUp(Exception):  # noqa: N818 (nothing is wrong)
    """Unfinished work was saved since its job is about to end: the same command goes on."""


class NotFiniteError(FloatingPointError):
    """A training whose numbers are not finite; the message says where, and what may help."""


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the name nearest to `word`, or the list of names."""
    names = [str(name) for name in valid]
    nearest = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    if nearest:
        return f" (did you mean '{nearest[0]}'?)"
    return f" (valid: {', '.join(sorted(names))})" if names else ""


def shown(text: str) -> str:
    """Return a text as one line: what breaks or controls a line is escaped, as in ``a\\nb``."""
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in text
    )
