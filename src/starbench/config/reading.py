"""Reading a config file: a mistake gets one error with file, line, key and what is right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from starbench.config.checks import ConfigMismatchError, check_config
from starbench.config.config import Config
from starbench.config.values import as_yaml_float, impossible_values
from starbench.config.yaml_text import Location, read_yaml
from starbench.errors import InputError, did_you_mean

MOST_SHOWN = 20
"""How many mistakes of one file are shown."""


def load_config(path: Path) -> Config:
    """Return the config in a YAML file; InputError for anything that is wrong with it."""
    document = read_yaml(path)
    return parse_config(document.value, str(path), document.lines)


def parse_config(
    value: Any, where: str = "config", lines: dict[Location, int] | None = None
) -> Config:
    """Return the config in a parsed YAML value (``snakemake``'s own config, for instance).

    Args:
        value: nested dicts and lists.
        where: name of the file, for errors.
        lines: line of each key, for errors.
    """
    lines = lines or {}
    if not isinstance(value, dict):
        raise InputError(f"{where}: a config is a mapping of keys, got {type(value).__name__}")
    impossible = [_place(at, where, lines) + text for at, text in impossible_values(value)]
    if impossible:
        raise InputError("\n".join(_distinct(impossible)[:MOST_SHOWN]))
    try:
        config = Config.model_validate(value)
    except ValidationError as error:
        messages = _distinct(_message(problem, where, lines) for problem in error.errors())
        raise InputError("\n".join(messages)) from None
    try:
        check_config(config)
    except ConfigMismatchError as problem:
        raise InputError(_place(problem.location, where, lines) + problem.text) from None
    return config


def _message(problem: Any, where: str, lines: dict[Location, int]) -> str:
    location: Location = tuple(problem["loc"])
    kind, text, context = problem["type"], problem["msg"], problem.get("ctx") or {}
    if kind == "unknown_key":
        location = (*location, context["key"])
    elif kind == "missing":
        text = "this key is missing"
    elif kind in ("literal_error", "union_tag_invalid"):
        text = _not_valid(problem, kind, context)
        if kind == "union_tag_invalid":
            location = (*location, str(context["discriminator"]).strip("'"))
    elif kind == "string_pattern_mismatch":
        text = f"{problem['input']!r} does not match {context['pattern']}"
    elif kind == "value_error":
        text = str(context["error"])
    elif kind in WRONG_TYPES:
        text = _wrong_type(problem["input"], WRONG_TYPES[kind])
    return _place(location, where, lines) + text


WRONG_TYPES = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
}
"""What a key takes, by pydantic's name of the error."""


def _wrong_type(given: object, takes: str) -> str:
    if isinstance(given, str) and takes == "a number" and (number := as_yaml_float(given)):
        return f"YAML takes {given} for a text: write {number}"
    quotes = ": put a text in quotes" if takes == "a text" else ""
    if isinstance(given, (bool, type(None))):
        got = {True: "true", False: "false", None: "nothing (null)"}[given]
    elif isinstance(given, (int, float)):
        got = f"the number {given}"
    else:
        quotes = ""
        got = {"list": "a list", "dict": "a mapping of keys"}.get(
            type(given).__name__, f"the text {given!r}"
        )
    return f"needs {takes}, got {got}{quotes}"


def _not_valid(problem: Any, kind: str, context: dict[str, Any]) -> str:
    listed = context["expected" if kind == "literal_error" else "expected_tags"]
    valid = [name.strip(" '") for name in listed.replace(" or ", ", ").split(",")]
    given = problem["input"] if kind == "literal_error" else context["tag"]
    return f"'{given}' is not valid{did_you_mean(str(given), valid)}"


def _place(location: Location, where: str, lines: dict[Location, int]) -> str:
    # pydantic puts names of union members into the location: a key is what the file has.
    path: Location = ()
    line = lines.get((), 0)
    for part in location:
        if (*path, part) in lines:
            path = (*path, part)
            line = lines[path]
        elif part == location[-1] or not lines:
            path = (*path, part)
    key = ".".join(str(part) for part in path)
    at = f"{where}:{line}" if line else where
    return f"{at}: {key}: " if key else f"{at}: "


def _distinct(messages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(messages))
