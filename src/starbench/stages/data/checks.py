"""Checks of single records: every field there, texts that are texts, numbers that are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starbench.errors import InputError
from starbench.sources.fields import number, text
from starbench.sources.source import Records
from starbench.stages.data.findings import Findings
from starbench.store.records import SCHEMAS, Record

SCORE = "score"
USUAL_SCORES = (0, 5)
"""The scale of the STS sets: a score beyond it is legal, but may be a slip."""


def checked(kind: str, records: Records, findings: Findings) -> Iterator[Record]:
    """Yield the normalised records of a kind; InputError names the place of one that is wrong.

    A record for training with a blank text is left out. A pair with one is kept: a score over
    other pairs than everybody else's would be a wrong score. Pairs of a single gold score are
    refused: no correlation with it is defined.
    """
    scores: set[float] = set()
    for where, record in records:
        found = {name: _field(record, name, where) for name in SCHEMAS[kind].names}
        if kind == "pairs":
            scores.add(found[SCORE])
            if not USUAL_SCORES[0] <= found[SCORE] <= USUAL_SCORES[1]:
                findings.add("unusual_scores", where)
        if all(value.strip() for name, value in found.items() if name != SCORE):
            yield found
        elif kind == "pairs":
            findings.add("blank_pairs", where)
            yield found
        else:
            findings.add("blank_records", where)
    if len(scores) == 1:
        raise InputError(
            f"dataset '{findings.name}': all of its pairs have the gold score {scores.pop():g}, so "
            "no correlation is defined and there is nothing to rank: give pairs of several scores"
        )


def _field(record: Record, name: str, where: str) -> Any:
    return number(record, name, where) if name == SCORE else text(record, name, where)
