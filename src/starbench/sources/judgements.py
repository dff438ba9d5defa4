"""Degrees of relevance: whole numbers, however a file writes them."""

from __future__ import annotations

from starbench.errors import InputError
from starbench.sources.fields import as_number, shown

LARGEST = 2**31 - 1
"""Beyond it, measures in 32 bits would wrap around."""


def relevance_of(value: object, where: str) -> int:
    """Return a judgement's relevance; ``1.0`` reads as 1; InputError for other than whole numbers.

    Args:
        value: a number, or the text of one.
        where: place of the judgement, for errors.
    """
    found = as_number(value)
    if not found.is_integer():
        raise InputError(f"{where}: the relevance is not a whole number: {shown(value)}")
    if abs(found) > LARGEST:
        raise InputError(
            f"{where}: the relevance {shown(value)} is too large: {LARGEST} is the largest"
        )
    return int(found)
