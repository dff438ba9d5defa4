"""Reading a config file: a mistake gets one error with file, line, key and what is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from starbench.config.checks import ConfigMismatchError, check_config
from starbench.config.config import Config
from starbench.config.merging import Places, as_numbers, changed, read_merged, without_removed
from starbench.config.values import as_yaml_float, impossible_values
from starbench.config.yaml_text import Location
from starbench.errors import InputError, did_you_mean

MOST_SHOWN = 20
"""How many mistakes of one file are shown."""


def load_config(*files: Path) -> Config:
    """Return the config in a YAML file, or in several that are merged in their order.

    Raises InputError for anything that is wrong, with file and line.
    """
    read = read_merged(files)
    value = without_removed(read.value, read.named)
    return parse_config(value, " + ".join(str(file) for file in files), read.places)


def parse_merged(value: dict[str, Any], files: Sequence[Path]) -> tuple[Config, dict[str, Any]]:
    """Return the config in a value that Snakemake merged, and that value as jobs are to read it.

    Args:
        value: its files merged, and what its command line changed.
        files: the config files, for errors that name file and line; none for the workflow's own.
    """
    places: Places = {}
    if files:
        read = read_merged(files)
        value = as_numbers(read.value, value)
        places = read.places | dict.fromkeys(changed(read.value, value), "--config")
        value = without_removed(value, read.named)
    where = " + ".join(str(file) for file in files) or "config"
    return parse_config(value, where, places), value


def parse_config(value: Any, where: str = "config", places: Places | None = None) -> Config:
    """Return the config in a parsed YAML value (``snakemake``'s own config, for instance).

    Args:
        value: nested dicts and lists.
        where: name of the file or files, for errors.
        places: file and line of each key, for errors.
    """
    places = places or {}
    if not isinstance(value, dict):
        raise InputError(f"{where}: a config is a mapping of keys, got {type(value).__name__}")
    impossible = [_place(at, where, places) + text for at, text in impossible_values(value)]
    if impossible:
        raise InputError("\n".join(_distinct(impossible)[:MOST_SHOWN]))
    try:
        config = Config.model_validate(value)
    except ValidationError as error:
        messages = _distinct(_message(problem, where, places) for problem in error.errors())
        raise InputError("\n".join(messages)) from None
    try:
        check_config(config)
    except ConfigMismatchError as problem:
        raise InputError(_place(problem.location, where, places) + problem.text) from None
    return config


def _message(problem: Any, where: str, places: Places) -> str:
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
    return _place(location, where, places) + text


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


def _place(location: Location, where: str, places: Places) -> str:
    # pydantic puts names of union members into the location: a key is what the file has.
    path: Location = ()
    at = where
    for part in location:
        if (*path, part) in places:
            path = (*path, part)
            at = places[path]
        elif part == location[-1] or not places:
            path = (*path, part)
    key = ".".join(str(part) for part in path)
    return f"{at}: {key}: " if key else f"{at}: "


def _distinct(messages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(messages))
