"""Degrees of relevance: whole numbers, however a file writes them."""

from __future__ import annotations

import math

from starbench.errors import InputError


def relevance_of(value: object, where: str) -> int:
    """Return a judgement's relevance; ``1.0`` reads as 1, InputError for what is no whole number.

    Args:
        value: a number, or the text of one.
        where: place of the judgement, for errors.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not found.is_integer():
        raise InputError(f"{where}: the relevance is not a whole number: {value!r}")
    return int(found)
