"""Reading a config file: a mistake gets one error with file, line, key and what is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from starbench.config.checks import ConfigMismatchError, check_config
from starbench.config.config import Config
from starbench.config.merging import Location, Places, changed, read_merged, without_removed
from starbench.errors import InputError, did_you_mean


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
    return _place(location, where, places) + text


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
