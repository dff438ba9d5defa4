"""Values that no key of a config takes, wherever they come from: a file, the command line, code."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from starbench.config.yaml_text import MAX_DEPTH, MAX_VALUES, TEMPLATES, Location

LARGEST = 2**53
"""The largest integer, which every library and file format here holds exactly."""

_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of the text around them."""


def impossible_values(value: Any) -> Iterator[tuple[Location, str]]:
    """Yield (location, what is wrong) of everything in a config that no key can take.

    That is: what is not a mapping with texts as keys, a list, a text, a number, true, false or
    null; more than `MAX_VALUES` or `MAX_DEPTH` of them; numbers that are not finite or integers
    beyond `LARGEST`; texts that cannot be written in UTF-8 or hold control characters.
    """
    waiting: list[tuple[Location, Any]] = [((), value)]
    for _ in range(MAX_VALUES):
        if not waiting:
            return
        at, found = waiting.pop()
        problem = _problem(found)
        if len(at) > MAX_DEPTH:
            yield at[:3], f"nested deeper than {MAX_DEPTH} levels"
        elif problem:
            yield at, problem
        elif isinstance(found, dict):
            for key, inner in reversed(found.items()):
                wrong = _wrong_key(key)
                if wrong:
                    yield at, wrong
                else:
                    waiting.append(((*at, key), inner))
        elif isinstance(found, list):
            waiting += reversed([((*at, index), inner) for index, inner in enumerate(found)])
    if waiting:
        yield (), f"more than {MAX_VALUES} values"


def _wrong_key(key: object) -> str:
    if not isinstance(key, str):
        return f"the key {_shown(key)} is not text: put it in quotes"
    if key == TEMPLATES:
        return f"{TEMPLATES}: a config is data, and this key makes Snakemake run the code in it"
    problem = _text_problem(key)
    return problem and f"in a key: {problem}"


def _problem(value: object) -> str:
    if value is None or isinstance(value, (bool, dict, list)):
        return ""
    if isinstance(value, str):
        return _text_problem(value)
    if isinstance(value, int):
        return "" if abs(value) <= LARGEST else "an integer beyond 2**53 in size"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is not a finite number"
    return f"{_shown(value)} ({type(value).__name__}) is nothing that a config holds"


def _text_problem(text: str) -> str:
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs":
            return f"the text holds U+{ord(character):04X}, half a character"
        if kind == "Cc" and character not in "\t\n\r":
            return f"the text holds the control character U+{ord(character):04X}"
        if character in _TURNING:
            return (
                f"the text holds U+{ord(character):04X}, which turns the direction of the text "
                "around it"
            )
        if kind in ("Zl", "Zp"):
            return f"the text holds U+{ord(character):04X}, which ends a line"
    return ""


def told_value(value: object) -> str:
    """Return a value of a config in words: ``the number 5``, ``a list``."""
    if isinstance(value, (bool, type(None))):
        return {True: "true", False: "false", None: "nothing (null)"}[value]
    if isinstance(value, (int, float)):
        return f"the number {value}"
    names = {"list": "a list", "dict": "a mapping of keys"}
    text = f"{value[:60]}..." if isinstance(value, str) and len(value) > 60 else value
    return names.get(type(value).__name__, f"the text {text!r}")


def _shown(value: object) -> str:
    text = ascii(value) if not isinstance(value, int) or abs(value) <= LARGEST else "of its size"
    return text if len(text) <= 40 else text[:40] + "..."


_EXPONENT = re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.)[eE][-+]?\d+")


def as_yaml_float(text: str) -> str | None:
    """Return how YAML wants a number that it takes for a text (``1e-4``), or None for no number.

    YAML 1.1 knows a number with an exponent by its point and its sign: ``1.0e-4``.
    """
    if not _EXPONENT.fullmatch(text):
        return None
    mantissa, exponent = re.split("[eE]", text)
    if "." not in mantissa:
        mantissa += ".0"
    sign = "" if exponent[0] in "+-" else "+"
    return f"{mantissa}e{sign}{exponent}"
