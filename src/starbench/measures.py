"""Every measure: what it is called, how deep it looks, its range, and who computes it.

A measure of rankings that ir_measures has needs no entry here: its name is enough. Those below are
always computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from starbench.errors import did_you_mean
from starbench.plugins.registry import Registry, wrong_instance


@dataclass(frozen=True)
class Measure:
    """One measure of a model on a dataset."""

    name: str
    """As its provider spells it, with its parameters: ``nDCG@10``."""
    provider: Literal[
        "mteb", "pytrec_eval", "ir_measures", "starbench", "of the dataset", "plugin"
    ] = "plugin"
    """Who computes it; `of the dataset`: trec_eval or MS MARCO's script, as its key `rr` says."""
    low: float = 0.0
    high: float = 1.0
    cutoff: int | None = None
    """Of rankings: how many passages it looks at; None for all that are ranked."""
    relevant_only: bool = False
    """Of rankings: whether nothing matters but which relevant passages are among them."""
    label: str | None = None
    """What tables and figures call it, if not by its own name."""
    of: Literal["rankings", "pairs", "labels", "tasks"] = "rankings"
    function: str | None = None
    """Of a plugin, ``module:function``: of rankings (passages, best first, down to the cut-off;
    {passage: relevance}) of one query -> its value; of pairs (cosines, gold scores) -> the value,
    both arrays of shape (pairs,)."""


RANKING = {
    measure.name: measure
    for measure in (
        Measure("RR@10", "of the dataset", cutoff=10),
        Measure("nDCG@10", "pytrec_eval", cutoff=10),
        Measure("R@100", "pytrec_eval", cutoff=100, relevant_only=True),
        Measure("R@1000", "pytrec_eval", cutoff=1000, relevant_only=True),
    )
}
"""Measures of rankings that are always computed, spelt as ir_measures spells them."""

PAIRS = {
    measure.name: measure
    for measure in (
        Measure("cosine_spearman", "mteb", low=-1.0, label="Spearman", of="pairs"),
        Measure("cosine_pearson", "mteb", low=-1.0, of="pairs"),
    )
}
"""Measures of pairs that are always computed, spelt as MTEB spells them; the first is shown."""

TASKS = {
    "main_score": Measure("main_score", "mteb", low=-1.0, label="main score", of="tasks"),
}
"""What is measured of a task of MTEB: the score that its metadata call the main one."""

MORE_PAIRS = {
    name: Measure(name, "mteb", low=-1.0, of="pairs")
    for name in (
        "manhattan_spearman",
        "manhattan_pearson",
        "euclidean_spearman",
        "euclidean_pearson",
    )
}
"""Further measures of pairs that MTEB's tasks give."""


def _wrong(value: object, name: str) -> str | None:
    wrong = wrong_instance(Measure)(value, name)
    if wrong is None and getattr(value, "function", None) is None:
        return "names no `function` that computes it"
    return wrong


LABELS = {
    measure.name: measure
    for measure in (
        Measure("accuracy", "starbench", label="Accuracy", of="labels"),
        Measure("probe_accuracy", "starbench", label="Accuracy of a probe", of="labels"),
        Measure("nn_accuracy", "starbench", label="1-NN accuracy", of="labels"),
    )
}
"""Measures of labelled texts, all of them computed; the first is shown."""

MEASURES: Registry[Measure] = Registry(
    "measures",
    RANKING | PAIRS | MORE_PAIRS | LABELS | TASKS,
    _wrong,
    lambda measure: (measure.function,),
    # Part of the header of CSV files.
    pattern=r"[A-Za-z][\w@()=.:-]*",
)
"""Every measure by its name, but for those that only ir_measures knows."""


def ranking_measure(name: str) -> Measure:
    """Return a measure of rankings: one of the registry, or any that ir_measures computes.

    Raises ValueError, which says what would be right, for any other name.
    """
    return _of_rankings(name, name in MEASURES)


def pairs_measure(name: str) -> Measure:
    """Return a measure of pairs; ValueError, which says what would be right, if it is none."""
    known = [measure.name for measure in MEASURES.values() if measure.of == "pairs"]
    if name not in known:
        raise ValueError(f"no measure of pairs '{name}'{did_you_mean(name, known)}")
    return MEASURES[name]


def label_of(name: str) -> str:
    """Return what tables and figures call a measure, known here or not."""
    return (MEASURES[name].label if name in MEASURES else None) or name


def range_of(name: str) -> tuple[float, float]:
    """Return the least and the largest value of a measure; -1 and 1 of one that nothing knows."""
    try:
        measure = MEASURES[name] if name in MEASURES else ranking_measure(name)
    except ValueError:
        return -1.0, 1.0
    return measure.low, measure.high


@cache
def _of_rankings(name: str, registered: bool) -> Measure:
    known = [measure.name for measure in MEASURES.values() if measure.of == "rankings"]
    if registered and name in known:
        return MEASURES[name]
    import ir_measures  # a tenth of a second, which most commands do without

    try:
        parsed = ir_measures.parse_measure(name)
        spelt = str(parsed)
    except Exception:  # of whatever kind: the library tells wrong parameters by several
        raise ValueError(
            f"no measure of rankings '{name}'{did_you_mean(name, known)}; any is right that "
            "ir_measures parses: nDCG@20, AP, RR, P@10, Success@5 ..."
        ) from None
    if spelt != name:
        raise ValueError(f"write {spelt} for '{name}', as ir_measures spells it")
    cutoff = parsed.params.get("cutoff")
    if cutoff is not None and cutoff < 1:
        raise ValueError(f"{name} looks at no passage")
    reciprocal = parsed.NAME == "RR" and parsed.params.keys() <= {"cutoff"}
    if type(parsed.aggregator()).__name__ != "MeanAgg":
        raise ValueError(f"{name} is a count over all queries: needed is a mean over the queries")
    if not (parsed.NAME == "RR" or any(p.supports(parsed) for p in ranking_providers())):
        raise ValueError(f"{name}: neither trec_eval nor ir_measures itself computes it here")
    return Measure(name, "of the dataset" if reciprocal else "ir_measures", cutoff=cutoff)


def ranking_providers() -> list[Any]:
    """Return the providers of ir_measures that are used: those that run within this process."""
    import ir_measures

    return [ir_measures.pytrec_eval, ir_measures.judged, ir_measures.compat]
