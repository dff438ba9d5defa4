"""Retrieval measures of rankings, computed by ir_measures, for every query and on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ir_measures
import numpy as np

from starbench.measures import RANKING, Measure

Qrels = Mapping[str, Mapping[str, int]]
"""{query: {passage: relevance}}."""


class Measuring:
    """Measures of rankings of one collection: all that are registered.

    Only what a measure depends on is handed to it: the passages down to its cut-off, or the
    relevant ones among them. The values are those of the whole ranking.

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
        self._rr = rr
        self._evaluators = {
            measure: self._provider(measure).evaluator(
                [ir_measures.parse_measure(measure.name)], qrels
            )
            for measure in RANKING.values()
            if measure.cutoff is None or measure.cutoff <= depth
        }

    def of(self, ranked: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
        """Return for each measure its value for each query, in the order of `queries`.

        A query with nothing ranked has 0; one that `rr` leaves out has NaN in RR@10.

        Args:
            ranked: {query: passages, best first}.
        """
        values = {}
        for measure, evaluator in self._evaluators.items():
            run = {query: self._seen(measure, query, ids) for query, ids in ranked.items()}
            values[measure.name] = self._values(evaluator, run)
            if self._counts_relevant_only(measure):
                without = [not self._relevant[query] for query in self.queries]
                values[measure.name][without] = np.nan
        return values

    def _provider(self, measure: Measure) -> Any:
        if self._counts_relevant_only(measure):
            return ir_measures.msmarco
        return ir_measures.pytrec_eval

    def _counts_relevant_only(self, measure: Measure) -> bool:
        """Whether only queries count that some passage is relevant for."""
        return measure.provider == "of the dataset" and self._rr == "msmarco"

    def _seen(self, measure: Measure, query: str, ids: Sequence[str]) -> dict[str, float]:
        """Return what a measure depends on, with scores that say the order and nothing else.

        Ties are in the ranking already. trec_eval's reciprocal rank knows no cut-off, so what it
        gets is cut here.
        """
        top = ids[: measure.cutoff]
        if measure.relevant_only:
            relevant = self._relevant.get(query, ())
            top = [passage for passage in top if passage in relevant]
        return {passage: float(len(top) - place) for place, passage in enumerate(top)}

    def _values(self, evaluator: Any, run: Mapping[str, Mapping[str, float]]) -> np.ndarray:
        given = {query: dict(passages) for query, passages in run.items() if passages}
        by_query = {metric.query_id: metric.value for metric in evaluator.iter_calc(given)}
        return np.array([by_query.get(query, 0.0) for query in self.queries])
