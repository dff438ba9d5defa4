"""Numbers as tables and figures print them."""

from __future__ import annotations

import math

MISSING = "–"

DIGITS = 4


def shorten(value: float, digits: int = DIGITS) -> str:
    """Return a score as the paper prints it: four decimals, no leading zero; a dash for none."""
    if math.isnan(value):
        return MISSING
    # Adding zero makes a zero of a negative one.
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
