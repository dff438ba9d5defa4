"""YAML as a config may be: plain data of a bounded size, every key once, nothing that runs."""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from starbench.errors import InputError, did_you_mean
from starbench.machine.disk import os_error_line

Location = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
"""Size of a config file: the longest of the project has 10 KB."""

MAX_DEPTH = 32
"""Mappings and lists within each other."""

MAX_VALUES = 20_000
"""Keys and values of a config, each alias counted with all that it stands for."""

TEMPLATES = "__use_yte__"
"""The key that makes Snakemake run the Python expressions in a config file."""

MARKS = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
"""Byte order marks of encodings that a config is not in."""

_UNSEEN = re.compile(f"{yaml.reader.Reader.NON_PRINTABLE.pattern}|[\x85\u2028\u2029]")
"""What YAML does not take, and ends of lines for YAML that no editor counts."""

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (_TAG + "map", _TAG + "seq")
_SCALARS = tuple(_TAG + name for name in ("str", "int", "float", "bool", "null"))


@dataclass(frozen=True)
class YamlDocument:
    """A YAML file's value (mappings, lists, texts, numbers, booleans, null) and its lines."""

    value: Any
    lines: dict[Location, int] = field(default_factory=dict)
    """Line, from 1, of every key and list item."""


def read_yaml(path: Path) -> YamlDocument:
    """Return a YAML file's value; InputError for a file that is missing or no plain YAML.

    Refused, with file and line: another encoding than UTF-8, more than `MAX_BYTES`, `MAX_DEPTH`
    or `MAX_VALUES`, an anchor that holds itself, a key given twice or that is not text, tags
    (dates included), numbers with a leading zero or in base 60, and `__use_yte__`.
    """
    try:
        _check_is_file(path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {os_error_line(error, path)}") from None
    except ValueError as error:  # a null character in the name
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {path}: {error}") from None
    return parse_yaml(data, str(path))


def _check_is_file(path: Path) -> None:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            target = path.readlink()
            raise InputError(f"no config file {path}: the link leads to no file {target}") from None
        there = {file.name for ending in ("*.yaml", "*.yml") for file in path.parent.glob(ending)}
        raise InputError(f"no config file {path}{did_you_mean(path.name, there)}") from None
    if stat.S_ISDIR(kind):
        raise InputError(f"cannot read {path}: it is a folder, name a file in it")
    if not stat.S_ISREG(kind):
        raise InputError(f"cannot read {path}: it is not a file; a config is read several times")


def parse_yaml(data: bytes, where: str) -> YamlDocument:
    """Return the value of YAML in bytes; InputError as `read_yaml`, naming `where`."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{where}: larger than {MAX_BYTES // 1024} KiB, which no config is")
    text = _decoded(data, where)
    try:
        _check_depth(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return YamlDocument(None)
        _check_node(node, where)
        return YamlDocument(yaml.SafeLoader("").construct_document(node), lines_of(node))
    except yaml.MarkedYAMLError as error:
        raise InputError(not_yaml(error, where)) from None
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from None


def not_yaml(error: yaml.MarkedYAMLError, where: str) -> str:
    """Return what is wrong, with the line at which it was seen."""
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark else ""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    begun = error.context_mark.line + 1 if error.context_mark else None
    since = f" (begun on line {begun})" if begun and mark and begun != mark.line + 1 else ""
    tab = "; indent with spaces, not with a tab" if "'\\t'" in said else ""
    return f"{where}{line}: not YAML: {said}{since}{tab}"


def _decoded(data: bytes, where: str) -> str:
    # The mark of UTF-32 begins with that of UTF-16.
    for name, marks in MARKS.items():
        if data.startswith(marks):
            raise InputError(f"{where}: in {name}; a config is in UTF-8: save it as that")
    text = _as_utf8(data, where)
    found = _UNSEEN.search(text)
    if found:
        line = re.split("\r\n|\r|\n", text[: found.start()])
        raise InputError(
            f"{where}:{len(line)}: the character U+{ord(found[0]):04X} controls a device or ends a "
            "line unseen: remove it, or write it as an escape within double quotes"
        )
    return text


def _as_utf8(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{where}:{line}: byte 0x{data[error.start]:02x} is not UTF-8, which a config is in: "
            "save it as that"
        ) from None


def _check_depth(text: str, where: str) -> None:
    """Refuse deep nesting before anything that recurses sees it; events come one by one."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise InputError(f"{where}:{_line(event)}: nested deeper than {MAX_DEPTH} levels")


def _check_node(root: yaml.Node, where: str) -> None:
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def measure(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise InputError(f"{where}:{_line(node)}: an anchor that holds itself")
        if id(node) not in sizes:
            open_nodes.add(id(node))
            _check_one(node, where)
            sizes[id(node)] = 1 + sum(map(measure, _children(node)))
            open_nodes.remove(id(node))
        if sizes[id(node)] > MAX_VALUES:
            raise InputError(
                f"{where}:{_line(node)}: more than {MAX_VALUES} values, aliases written out"
            )
        return sizes[id(node)]

    measure(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_one(node: yaml.Node, where: str) -> None:
    at = f"{where}:{_line(node)}"
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, where)
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node, at)
    elif node.tag not in _COLLECTIONS:
        raise InputError(f"{at}: the tag {_short(node.tag)} is not for configs")


def _check_scalar(node: yaml.ScalarNode, at: str) -> None:
    shown = repr(node.value if len(node.value) <= 40 else node.value[:40] + "...")
    if node.tag in (_TAG + "merge", _TAG + "value"):
        return  # Whether they are where they may be is seen with their mapping.
    if node.tag == _TAG + "timestamp":
        raise InputError(f"{at}: {shown} is a date in YAML, and no key takes one: put it in quotes")
    if node.tag not in _SCALARS:
        raise InputError(f"{at}: the tag {_short(node.tag)} is not for configs")
    digits = node.value.lstrip("+-").replace("_", "")
    if node.tag in (_TAG + "int", _TAG + "float") and ":" in digits:
        raise InputError(f"{at}: {shown} is a number in base 60 in YAML: put a text in quotes")
    if node.tag == _TAG + "int" and len(digits) > 1 and digits.startswith("0"):
        raise InputError(f"{at}: {shown} is not decimal in YAML: write it without a leading 0")
    try:
        yaml.SafeLoader("").construct_document(node)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise InputError(f"{at}: {shown} is no {_short(node.tag)}") from None


def _check_keys(node: yaml.MappingNode, where: str) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        at = f"{where}:{_line(key)}"
        if not isinstance(key, yaml.ScalarNode):
            raise InputError(f"{at}: a mapping or list as a key: keys are texts")
        if key.tag not in (_TAG + "str", _TAG + "merge"):
            raise InputError(f"{at}: the key {key.value!r} is not text in YAML: put it in quotes")
        if key.value == TEMPLATES:
            raise InputError(
                f"{at}: {TEMPLATES}: a config is data, and this key makes Snakemake run the code "
                "in it: remove it, and do not run a config from strangers"
            )
        if key.value in first:
            raise InputError(
                f"{at}: the key '{key.value}' is given twice, first on line {first[key.value]}"
            )
        first[key.value] = _line(key)


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _line(marked: yaml.Node | yaml.Event) -> int:
    mark = marked.start_mark
    return int(mark.line) + 1 if mark else 1


def lines_of(node: yaml.Node | None, path: Location = ()) -> dict[Location, int]:
    """Return the line (from 1) of every key and list item of a YAML document."""
    found: dict[Location, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found[*path, key.value] = _line(key)
            found |= lines_of(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found[*path, index] = _line(value)
            found |= lines_of(value, (*path, index))
    return found
