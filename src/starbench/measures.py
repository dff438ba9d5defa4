"""Every measure: what it is called, how deep it looks, its range, and who computes it.

A measure of rankings that ir_measures has is an entry here and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One measure of a model on a dataset."""

    name: str
    """As its provider spells it, with its parameters: ``nDCG@10``."""
    provider: Literal["mteb", "pytrec_eval", "of the dataset"]
    """Who computes it; `of the dataset`: trec_eval or MS MARCO's script, as its key `rr` says."""
    low: float = 0.0
    high: float = 1.0
    cutoff: int | None = None
    """Of rankings: how many passages it looks at; None for all that are ranked."""
    relevant_only: bool = False
    """Of rankings: whether nothing matters but which relevant passages are among them."""
    label: str | None = None
    """What tables and figures call it, if not by its own name."""


RANKING = {
    measure.name: measure
    for measure in (
        Measure("RR@10", "of the dataset", cutoff=10),
        Measure("nDCG@10", "pytrec_eval", cutoff=10),
        Measure("R@100", "pytrec_eval", cutoff=100, relevant_only=True),
        Measure("R@1000", "pytrec_eval", cutoff=1000, relevant_only=True),
    )
}
"""Measures of rankings, spelt as ir_measures spells them."""

PAIRS = {
    measure.name: measure
    for measure in (
        Measure("cosine_spearman", "mteb", low=-1.0, label="Spearman"),
        Measure("cosine_pearson", "mteb", low=-1.0),
    )
}
"""Measures of pairs, spelt as MTEB spells them; the first one is shown."""

MEASURES = RANKING | PAIRS
"""Every measure by its name."""


def label_of(name: str) -> str:
    """Return what tables and figures call a measure, known here or not."""
    return (MEASURES[name].label if name in MEASURES else None) or name


def range_of(name: str) -> tuple[float, float]:
    """Return the least and the largest value of a measure; -1 and 1 of one not known here."""
    measure = MEASURES.get(name)
    return (measure.low, measure.high) if measure else (-1.0, 1.0)
