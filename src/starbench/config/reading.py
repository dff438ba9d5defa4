"""Reading a config file: a mistake gets one error with file, line, key and what is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from starbench.config.checks import check_config
from starbench.config.config import Config
from starbench.config.merging import (
    Places,
    as_numbers,
    changed,
    no_mapping,
    read_merged,
    without_removed,
)
from starbench.config.messages import told_problem
from starbench.config.mismatch import ConfigMismatchError
from starbench.config.values import impossible_values
from starbench.config.yaml_text import Location
from starbench.errors import InputError
from starbench.plugins.registry import look_up_plugins

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
        places = _changed_places(read.places, list(changed(read.value, value)))
        value = without_removed(value, read.named)
    where = " + ".join(str(file) for file in files) or "config"
    return parse_config(value, where, places), value


def _changed_places(places: Places, at: Sequence[Location]) -> Places:
    """Return places in files, without what the command line has replaced, and those there."""
    kept = {key: place for key, place in places.items() if not any(_within(key, new) for new in at)}
    return kept | dict.fromkeys(at, "--config")


def _within(key: Location, other: Location) -> bool:
    return key[: len(other)] == other


def parse_config(value: Any, where: str = "config", places: Places | None = None) -> Config:
    """Return the config in a parsed YAML value (``snakemake``'s own config, for instance).

    Args:
        value: nested dicts and lists.
        where: name of the file or files, for errors.
        places: file and line of each key, for errors.
    """
    places = places or {}
    if not isinstance(value, dict):
        raise InputError(no_mapping(where, value))
    look_up_plugins()
    impossible = [_place(at, where, places) + text for at, text in impossible_values(value)]
    if impossible:
        raise InputError(*_distinct(impossible)[:MOST_SHOWN])
    try:
        config = Config.model_validate(value)
    except ValidationError as error:
        messages = _distinct(_message(problem, where, places) for problem in error.errors())
        raise InputError(*messages[:MOST_SHOWN]) from None
    try:
        check_config(config)
    except ConfigMismatchError as problem:
        raise InputError(_place(problem.location, where, places) + problem.text) from None
    return config


def _message(problem: Any, where: str, places: Places) -> str:
    location, text = told_problem(problem)
    return _place(location, where, places) + text


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
