"""Exceptions that the command line prints as one line: what a user can put right, or repeat."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, where, and what would be right."""


class TimeIsUp(Exception):  # noqa: N818 (nothing is wrong)
    """Unfinished work was saved since its job is about to end: the same command goes on."""


class NotFiniteError(FloatingPointError):
    """A training whose numbers are no numbers; the message says where, and what may help."""


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the name nearest to `word`, or the list of names."""
    names = [str(name) for name in valid]
    nearest = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    if nearest:
        return f" (did you mean '{nearest[0]}'?)"
    return f" (valid: {', '.join(sorted(names))})" if names else ""
