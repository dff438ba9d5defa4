"""What pydantic finds wrong with a config, in the words of a config: which key takes what."""

from __future__ import annotations

import re
from typing import Any

from starbench.config.values import as_yaml_float, told_value
from starbench.config.yaml_text import Location
from starbench.errors import did_you_mean
from starbench.section import LONGEST_NAME, NAME_PATTERN

WRONG_TYPES = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
}
"""What a key takes, by pydantic's name of the error."""

LIMITS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "a number greater than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "a number less than {lt}",
}
"""What a number must be, by pydantic's name of the error."""


def told_problem(problem: Any) -> tuple[Location, str]:
    """Return (key, what is wrong) of one of the `errors` of a ValidationError."""
    kind, context = problem["type"], problem.get("ctx") or {}
    location: Location = tuple(part for part in problem["loc"] if part != "[key]")
    if kind == "unknown_key":
        return (*location, context["key"]), problem["msg"]
    if kind == "value_error":
        given = problem["input"]
        tags = (given.get("source"), given.get("objective")) if isinstance(given, dict) else ()
        if location and location[-1] in tags:  # which of several sections it is, no key
            location = location[:-1]
        return _of_validator(location, str(context["error"]))
    if kind == "union_tag_not_found":
        return (*location, _discriminator(context)), "this key is missing"
    if kind == "union_tag_invalid":
        return (*location, _discriminator(context)), _not_valid(problem, kind, context)
    return location, _text(problem, kind, context)


def _text(problem: Any, kind: str, context: dict[str, Any]) -> str:
    given = problem["input"]
    if kind == "missing":
        return "this key is missing"
    if kind == "literal_error":
        return _not_valid(problem, kind, context)
    if kind in ("string_pattern_mismatch", "string_too_long"):
        return _no_match(given, context.get("pattern", NAME_PATTERN))
    if kind in LIMITS:
        return f"needs {LIMITS[kind].format(**context)}, got {given}"
    if kind == "too_short":
        return f"needs at least {context['min_length']} item, got none"
    if kind in WRONG_TYPES:
        return _wrong_type(given, WRONG_TYPES[kind])
    return str(problem["msg"])


def _of_validator(location: Location, text: str) -> tuple[Location, str]:
    """Return the key that a section's own check names at the start of its text, and the text."""
    named = re.match(r"'(\w+)'(: )?", text)
    if not named:
        return location, text
    return (*location, named[1]), text.removeprefix(named[0]) if named[2] else text


def _discriminator(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _no_match(given: str, pattern: str) -> str:
    short = given if len(given) <= 40 else f"{given[:40]}..."
    if pattern == NAME_PATTERN:
        return (
            f"{short!r} is not a name: lower-case letters, digits and single dashes between them, "
            f"at most {LONGEST_NAME} of them"
        )
    return f"{short!r} does not match {pattern}" if short.strip() else "needs a text, this is blank"


def _wrong_type(given: object, takes: str) -> str:
    if isinstance(given, str) and takes == "a number" and (number := as_yaml_float(given)):
        return f"YAML takes {given} for a text: write {number}"
    is_plain = isinstance(given, (bool, int, float, type(None)))
    quotes = ": put a text in quotes" if takes == "a text" and is_plain else ""
    return f"needs {takes}, got {told_value(given)}{quotes}"


def _not_valid(problem: Any, kind: str, context: dict[str, Any]) -> str:
    listed = context["expected" if kind == "literal_error" else "expected_tags"]
    valid = [name.strip(" '") for name in listed.replace(" or ", ", ").split(",")]
    given = problem["input"] if kind == "literal_error" else context["tag"]
    return f"'{given}' is not valid{did_you_mean(str(given), valid)}"
