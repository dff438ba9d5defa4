"""Config files given one after another: merged as Snakemake merges them, each key with its place.

``snakemake --configfile A B`` puts the keys of B over those of A: mappings are merged, at every
depth; anything else, a list too, replaces what A has; an empty mapping changes nothing. So a later
file can add systems or change them, but not leave one out; here it can, by giving the name no
value: ``systems: {bert-2dmse: null}``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starbench.config.values import told_value
from starbench.config.yaml_text import Location, read_yaml
from starbench.errors import InputError

Places = dict[Location, str]
"""``file:line`` of keys and list items."""


NAMED_SECTIONS = ("datasets", "backbones", "systems", "tracks")
"""Sections whose keys are names that a config gives."""


@dataclass(frozen=True)
class MergedFiles:
    """What config files say together.

    `value` is as Snakemake has it; `places` says where its keys are; `named` are the (section,
    name) that one of the files gives a value.
    """

    value: dict[str, Any]
    places: Places
    named: frozenset[tuple[str, str]]


def read_merged(files: Sequence[Path]) -> MergedFiles:
    """Return config files merged in their order.

    Raises InputError for a file that is missing, is not YAML, or holds no mapping of keys.
    """
    value: Any = {}
    places: Places = {}
    named: set[tuple[str, str]] = set()
    for file in files:
        over, over_places = _read(file)
        places = {at: place for at, place in places.items() if not _replaced(at, over)}
        value = merged(value, over)
        places |= over_places
        named.update(at for at in _names(over) if over[at[0]][at[1]] is not None)
    return MergedFiles(value, places, frozenset(named))


def without_removed(value: Mapping[str, Any], named: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Return a config without the names whose value a later file took away.

    Args:
        value: the merged value.
        named: (section, name) that had a value; no other name is left out, so that one whose
            value was forgotten is an error.
    """
    kept = dict(value)
    for section, name in _names(value):
        if value[section][name] is None and (section, name) in named:
            kept[section] = {key: given for key, given in kept[section].items() if key != name}
    return kept


def _names(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    sections = [key for key in NAMED_SECTIONS if isinstance(value.get(key), Mapping)]
    return [(section, name) for section in sections for name in value[section]]


def merged(under: Any, over: Mapping[str, Any]) -> Any:
    """Return `under` with the keys of `over`, as ``snakemake.utils.update_config`` leaves it."""
    if not over:
        return under
    result = dict(under) if isinstance(under, Mapping) else {}
    for key, value in over.items():
        is_mapping = isinstance(value, Mapping)
        result[key] = merged(result.get(key, {}), value) if is_mapping else value
    return result


_NUMBER = re.compile(r"[-+]?(\d+|\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
_BOOLEANS = {"true": True, "false": False}


def as_numbers(before: Any, after: Any) -> Any:
    """Return `after` with the numbers and booleans that the command line gives within mappings.

    ``--config "tracks={sts: {finetuning: {steps: 5}}}"``: Snakemake reads every value of such a
    mapping as a text. What is in `before`, the files, stays as it is.
    """
    if isinstance(after, Mapping):
        known = before if isinstance(before, Mapping) else {}
        return {key: as_numbers(known.get(key), value) for key, value in after.items()}
    if before == after or not isinstance(after, str | list):
        return after
    if isinstance(after, list):
        return [as_numbers(None, item) for item in after]
    matched = _NUMBER.fullmatch(after)
    if matched is None:
        return _BOOLEANS.get(after.lower(), after)
    return int(after) if after.lstrip("+-").isdigit() else float(after)


def changed(before: Any, after: Any, at: Location = ()) -> Iterator[Location]:
    """Yield where two values differ: keys whose value is another, or is in `after` only."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, value in after.items():
            yield from changed(before.get(key), value, (*at, key))
    elif before != after:
        yield at


def _read(file: Path) -> tuple[dict[str, Any], Places]:
    document = read_yaml(file)
    if not isinstance(document.value, dict):
        raise InputError(no_mapping(str(file), document.value))
    return document.value, {at: f"{file}:{line}" for at, line in document.lines.items()}


def no_mapping(where: str, value: object) -> str:
    """Return what to say of a config that holds something else than keys."""
    got = told_value(value)
    return f"{where}: a config is a mapping of keys, got {got}: config/README.md tells its keys"


def _replaced(at: Location, over: Any) -> bool:
    """Whether a file puts something else in the place of a key, or of what the key is part of."""
    for part in at:
        if not isinstance(over, Mapping) or part not in over:
            return False
        over = over[part]
        if not isinstance(over, Mapping):
            return True
    return False
