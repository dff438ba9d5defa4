"""Fields of records as sources give them: there, and a text, a number or an id."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from starbench.errors import InputError, did_you_mean
from starbench.store.records import Record

SHOWN = 60
"""Characters of a wrong value that an error shows."""

NO_ID = frozenset(("Cc", "Cs", "Zl", "Zp"))
"""Unicode's categories of control characters, half characters, and breaks of lines."""


def present(record: Record, field: str, where: str) -> Any:
    """Return a field that must be there."""
    if field not in record:
        raise InputError(f"{where}: no field '{field}' in the record{did_you_mean(field, record)}")
    return record[field]


def text(record: Record, field: str, where: str) -> str:
    """Return a field that must hold a text, which may be blank."""
    value = present(record, field, where)
    if not isinstance(value, str):
        raise InputError(f"{where}: field '{field}' is not a text: {shown(value)}")
    return value


def title(record: Record, where: str) -> str:
    """Return a passage's title, empty where there is none; InputError for what is not text."""
    return "" if record.get("title") is None else text(record, "title", where)


def number(record: Record, field: str, where: str) -> float:
    """Return a field that must hold a finite number."""
    value = present(record, field, where)
    found = as_number(value)
    if not math.isfinite(found):
        raise InputError(f"{where}: field '{field}' is not a number: {shown(value)}")
    return found


def as_number(value: object) -> float:
    """Return a number, or the number that a text tells; NaN for what is none."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def label(record: Record, field: str, where: str) -> str:
    """Return a field that must hold a label: a text or a whole number, which becomes a text."""
    value = present(record, field, where)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(
            f"{where}: field '{field}' is not a label: {shown(value)}; a label is a text or a "
            "whole number"
        )
    if not str(value).strip():
        raise InputError(f"{where}: the {field} is empty")
    return str(value)


def identifier(record: Record, field: str, where: str) -> str:
    """Return a field that must hold an id: a text or a whole number, which becomes a text.

    Raises InputError for all else, for what is empty, and for what the lines and fields of a TREC
    run file cannot hold: white space of ASCII, breaks of lines, and control characters (NUL ends
    a text in trec_eval).
    """
    value = present(record, field, where)
    if isinstance(value, bool) or not isinstance(value, str | int):
        kind = "null" if value is None else type(value).__name__
        raise InputError(
            f"{where}: field '{field}' is not an id, but of type {kind}: {shown(value)}; an id is "
            "a text or a whole number"
        )
    key = str(value)
    if not key or not all(map(_may_be_in_id, key)):
        raise InputError(
            f"{where}: {shown(key)} is not an id: it is empty or has spaces or control characters "
            "in it"
        )
    return key


def renamed(record: Record, columns: Mapping[str, str], where: str) -> Record:
    """Return a record with the columns renamed to this project's field names.

    Args:
        record: as its source gives it.
        columns: {our field name: the record's own}.
        where: the place of the record, for an InputError if it has no such column.
    """
    for theirs in columns.values():
        if theirs not in record:
            raise InputError(
                f"{where}: no column '{theirs}'{did_you_mean(theirs, record)}: `columns` "
                "says which column holds which field"
            )
    kept = {key: value for key, value in record.items() if key not in columns.values()}
    return kept | {ours: record[theirs] for ours, theirs in columns.items()}


def _may_be_in_id(letter: str) -> bool:
    return letter != " " and (letter.isprintable() or unicodedata.category(letter) not in NO_ID)


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, cut if it is long."""
    whole = repr(value)
    return whole if len(whole) <= SHOWN else f"{whole[:SHOWN]}..."
