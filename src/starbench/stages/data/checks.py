"""Checks of single records: every field there, texts that are texts, numbers that are numbers."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

from starbench.errors import InputError, did_you_mean
from starbench.sources.source import Records
from starbench.store.records import SCHEMAS, Record, passage_text

log = logging.getLogger(__name__)


def checked(kind: str, records: Records) -> Iterator[Record]:
    """Yield the normalised records of a kind; InputError names the place of one that is wrong."""
    if kind == "training-queries":
        yield from _training_queries(records)
        return
    for where, record in records:
        yield {name: FIELDS.get(name, text)(record, name, where) for name in SCHEMAS[kind].names}


def text(record: Record, field: str, where: str) -> str:
    """Return a field that must hold a text."""
    value = _present(record, field, where)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: field '{field}' is not a text: {value!r}")
    return value


def number(record: Record, field: str, where: str) -> float:
    """Return a field that must hold a finite number."""
    value = _present(record, field, where)
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{where}: field '{field}' is not a number: {value!r}")
    return found


FIELDS: dict[str, Callable[[Record, str, str], Any]] = {"score": number}
"""Fields that hold something else than a text."""


def _present(record: Record, field: str, where: str) -> Any:
    if field not in record:
        raise InputError(f"{where}: no field '{field}' in the record{did_you_mean(field, record)}")
    return record[field]


def _training_queries(records: Records) -> Iterator[Record]:
    """Yield queries without negatives that are right answers, and only those that have others."""
    right, left_out = 0, []
    for where, record in records:
        positives = _passages(record, "positive_passages", where)
        negatives = _passages(record, "negative_passages", where)
        if not positives:
            raise InputError(f"{where}: 'positive_passages' is empty")
        said = {passage_text(passage) for passage in positives}
        ids = {passage["docid"] for passage in positives}
        wrong = [p for p in negatives if passage_text(p) not in said and p["docid"] not in ids]
        right += len(negatives) - len(wrong)
        if not wrong:
            left_out.append(where)
            continue
        yield {
            "query_id": str(_present(record, "query_id", where)),
            "query": text(record, "query", where),
            "positive_passages": positives,
            "negative_passages": wrong,
        }
    if right:
        log.warning("%d negatives that are right answers of their query were left out", right)
    if left_out:
        first = ", ".join(left_out[:3])
        log.warning("%d queries without a negative were left out: %s", len(left_out), first)


def _passages(record: Record, field: str, where: str) -> list[Record]:
    value = _present(record, field, where)
    if not isinstance(value, list):
        raise InputError(f"{where}: field '{field}' is not a list of passages: {value!r}")
    found = []
    for place, passage in enumerate(value):
        at = f"{where}: {field}[{place}]"
        if not isinstance(passage, dict):
            raise InputError(f"{at} is not a passage: {passage!r}")
        found.append(
            {
                "docid": str(_present(passage, "docid", at)),
                "title": str(passage.get("title") or ""),
                "text": text(passage, "text", at),
            }
        )
    return found
