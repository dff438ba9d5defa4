"""Checks of single records: every field there, texts that are texts, numbers that are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starbench.errors import InputError
from starbench.sources.fields import label, number, text
from starbench.sources.source import Records
from starbench.stages.data.findings import Findings
from starbench.store.records import SCHEMAS, Record

SCORE, LABEL = "score", "label"
"""What of a record is no text."""
USUAL_SCORES = (0, 5)
"""The scale of the STS sets: a score beyond it is legal, but may be a slip."""
SCORED = ("pairs", "labelled")
"""Kinds that are scored: other benchmarks score all of their records."""


def checked(kind: str, records: Records, findings: Findings) -> Iterator[Record]:
    """Yield the normalised records of a kind; InputError names the place of one that is wrong.

    A record for training with a blank text is left out. A pair or a labelled text with one is
    kept: a score over other records than everybody else's would be a wrong score. Pairs of a
    single gold score and texts of a single label are refused: there is nothing to tell apart.
    """
    golds: set[object] = set()
    for where, record in records:
        found = {name: _field(record, name, where) for name in SCHEMAS[kind].names}
        golds.add(found.get(SCORE, found.get(LABEL)))
        if kind == "pairs" and not USUAL_SCORES[0] <= found[SCORE] <= USUAL_SCORES[1]:
            findings.add("unusual_scores", where)
        if all(value.strip() for name, value in found.items() if name != SCORE):
            yield found
        elif kind in SCORED:
            findings.add(f"blank_{kind}", where)
            yield found
        else:
            findings.add("blank_records", where)
    if kind in SCORED and len(golds) == 1:
        raise InputError(f"dataset '{findings.name}': {_nothing_to_tell(kind, golds.pop())}")


def _nothing_to_tell(kind: str, gold: Any) -> str:
    if kind == "pairs":
        return (
            f"all of its pairs have the gold score {gold:g}, so no correlation is defined and "
            "there is nothing to rank: give pairs of several scores"
        )
    return f"all of its texts have the label '{gold}': give texts of several labels"


def _field(record: Record, name: str, where: str) -> Any:
    read = {SCORE: number, LABEL: label}.get(name, text)
    return read(record, name, where)


def check_labels(name: str, labels: set[str], other: str, known: set[str]) -> None:
    """Raise InputError if a labelled dataset has a label that its `examples` lack.

    Args:
        name: the dataset's name in the config.
        labels: its labels.
        other: the name of the dataset with the examples.
        known: the labels of those.
    """
    missing = sorted(labels - known)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"dataset '{name}': no text of its examples '{other}' has its label '{missing[0]}'"
            f"{more}, so nothing can be classified as that"
        )
