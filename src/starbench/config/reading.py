"""Reading a config file: a mistake gets one error with file, line, key and what is right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from starbench.config.checks import ConfigMismatchError, check_config
from starbench.config.config import Config
from starbench.errors import InputError, did_you_mean

Location = tuple[str | int, ...]


def load_config(path: Path) -> Config:
    """Return the config in a YAML file; InputError for anything that is wrong with it."""
    if not path.is_file():
        raise InputError(f"no config file {path}")
    text = path.read_text(encoding="utf-8")
    try:
        value = yaml.safe_load(text)
        lines = lines_of(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return parse_config(value, str(path), lines)


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
    return _place(location, where, lines) + text


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


def lines_of(node: yaml.Node | None, path: Location = ()) -> dict[Location, int]:
    """Return the line (from 1) of every key and list item of a YAML document."""
    found: dict[Location, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found[*path, key.value] = key.start_mark.line + 1
            found |= lines_of(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found[*path, index] = value.start_mark.line + 1
            found |= lines_of(value, (*path, index))
    return found


def _distinct(messages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(messages))
