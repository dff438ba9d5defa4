"""Retrieval measures of rankings, computed by ir_measures, for every query and on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

RECALL_CUTOFFS = (100, 1000)
MEASURES = ("RR@10", "nDCG@10", *(f"R@{cutoff}" for cutoff in RECALL_CUTOFFS))
"""The measures of every collection, spelt as ir_measures spells them."""

TOP = 10

Qrels = Mapping[str, Mapping[str, int]]
"""{query: {passage: relevance}}."""


class Measuring:
    """Measures of rankings of one collection.

    Only what a measure depends on is handed to it: the first ten passages, or the relevant ones
    among the first 100 or 1000. The values are those of the whole ranking.

    Args:
        qrels: judgements; the queries are those of the measures, whatever is ranked.
        depth: how many passages are ranked; measures that look deeper are left out.
        rr: ``trec_eval`` or ``msmarco``: MS MARCO's own script leaves out queries that no
            passage is relevant for, where trec_eval counts them as 0.
    """

    def __init__(
        self,
        qrels: Qrels,
        depth: int = 1000,
        rr: Literal["trec_eval", "msmarco"] = "trec_eval",
    ) -> None:
        self.queries = list(qrels)
        self._relevant = {
            query: {passage for passage, relevance in judged.items() if relevance > 0}
            for query, judged in qrels.items()
        }
        provider = ir_measures.pytrec_eval if rr == "trec_eval" else ir_measures.msmarco
        self._counts_all = rr == "trec_eval"
        # trec_eval's reciprocal rank knows no cutoff: what it gets is cut to the first ten.
        self._top = [
            provider.evaluator([RR @ TOP], qrels),
            ir_measures.pytrec_eval.evaluator([nDCG @ TOP], qrels),
        ]
        self._recall = {
            cutoff: ir_measures.pytrec_eval.evaluator([R @ cutoff], qrels)
            for cutoff in RECALL_CUTOFFS
            if cutoff <= depth
        }

    def of(self, ranked: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
        """Return for each measure its value for each query, in the order of `queries`.

        A query with nothing ranked has 0; one that `rr` leaves out has NaN in RR@10.

        Args:
            ranked: {query: passages, best first}.
        """
        top = {query: _as_run(ids[:TOP]) for query, ids in ranked.items()}
        values = {str(RR @ TOP): self._values(self._top[0], top)}
        if not self._counts_all:
            without = [not self._relevant[query] for query in self.queries]
            values[str(RR @ TOP)][without] = np.nan
        values[str(nDCG @ TOP)] = self._values(self._top[1], top)
        for cutoff, evaluator in self._recall.items():
            found = {
                query: _as_run([p for p in ids[:cutoff] if p in self._relevant.get(query, ())])
                for query, ids in ranked.items()
            }
            values[str(R @ cutoff)] = self._values(evaluator, found)
        return values

    def _values(self, evaluator: Any, run: Mapping[str, Mapping[str, float]]) -> np.ndarray:
        given = {query: dict(passages) for query, passages in run.items() if passages}
        by_query = {metric.query_id: metric.value for metric in evaluator.iter_calc(given)}
        return np.array([by_query.get(query, 0.0) for query in self.queries])


def _as_run(ids: Sequence[str]) -> dict[str, float]:
    """Return scores that say the order and nothing else: ties are in the ranking already."""
    return {passage: float(len(ids) - place) for place, passage in enumerate(ids)}
