"""Checks of single records: every field there, texts that are texts, numbers that are numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from starbench.errors import InputError, did_you_mean
from starbench.sources.source import Records
from starbench.stages.data.findings import Findings
from starbench.store.records import SCHEMAS, Record

SCORE = "score"


def checked(kind: str, records: Records, findings: Findings) -> Iterator[Record]:
    """Yield the normalised records of a kind; InputError names the place of one that is wrong.

    A record for training with a blank text is left out. A pair with one is kept: a score over
    other pairs than everybody else's would be a wrong score.
    """
    for where, record in records:
        found = {name: _field(record, name, where) for name in SCHEMAS[kind].names}
        if all(value.strip() for name, value in found.items() if name != SCORE):
            yield found
        elif kind == "pairs":
            findings.add("blank_pairs", where)
            yield found
        else:
            findings.add("blank_records", where)


def _field(record: Record, name: str, where: str) -> Any:
    return number(record, name, where) if name == SCORE else text(record, name, where)


def text(record: Record, field: str, where: str) -> str:
    """Return a field that must hold a text, which may be blank."""
    value = present(record, field, where)
    if not isinstance(value, str):
        raise InputError(f"{where}: field '{field}' is not a text: {value!r}")
    return value


def number(record: Record, field: str, where: str) -> float:
    """Return a field that must hold a finite number."""
    value = present(record, field, where)
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{where}: field '{field}' is not a number: {value!r}")
    return found


def present(record: Record, field: str, where: str) -> Any:
    """Return a field that must be there."""
    if field not in record:
        raise InputError(f"{where}: no field '{field}' in the record{did_you_mean(field, record)}")
    return record[field]
