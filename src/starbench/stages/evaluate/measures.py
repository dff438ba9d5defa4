"""Retrieval measures of rankings, computed by ir_measures, for every query and on average."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import ir_measures
import numpy as np

from starbench.errors import InputError
from starbench.measures import MEASURES, RANKING, Measure, ranking_providers
from starbench.tracks.track import named

Qrels = Mapping[str, Mapping[str, int]]
"""{query: {passage: relevance}}."""


class Measuring:
    """Measures of rankings of one collection.

    Only what a measure depends on is handed to it: the passages down to its cut-off, or the
    relevant ones among them. The values are those of the whole ranking.

    Args:
        qrels: judgements; the queries are those of the measures, whatever is ranked.
        depth: how many passages are ranked; measures that look deeper are left out.
        rr: ``trec_eval`` or ``msmarco``: MS MARCO's own script leaves out queries that no
            passage is relevant for, where trec_eval counts them as 0.
        measures: what is computed.
    """

    def __init__(
        self,
        qrels: Qrels,
        depth: int = 1000,
        rr: Literal["trec_eval", "msmarco"] = "trec_eval",
        measures: Sequence[Measure] = tuple(RANKING.values()),
    ) -> None:
        self.queries = list(qrels)
        self._relevant = {
            query: {passage for passage, relevance in judged.items() if relevance > 0}
            for query, judged in qrels.items()
        }
        self._rr = rr
        self._evaluators = {
            measure: self._evaluator(measure, qrels)
            for measure in measures
            if measure.cutoff is None or measure.cutoff <= depth
        }

    def of(self, ranked: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
        """Return for each measure its value for each query, in the order of `queries`.

        A query with nothing ranked has 0; one that `rr` leaves out has NaN in RR.

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

    def _evaluator(self, measure: Measure, qrels: Qrels) -> Any:
        if measure.function is not None:
            return _OfPlugin(measure, qrels)
        return self._provider(measure).evaluator([ir_measures.parse_measure(measure.name)], qrels)

    def _provider(self, measure: Measure) -> Any:
        if self._counts_relevant_only(measure):
            return ir_measures.msmarco
        parsed = ir_measures.parse_measure(measure.name)
        able = (provider for provider in ranking_providers() if provider.supports(parsed))
        # trec_eval's reciprocal rank is taken at any depth, which its provider does not know.
        return next(able, ir_measures.pytrec_eval)

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


class _OfPlugin:
    """Computes a plugin's measure as the evaluators of ir_measures do theirs."""

    def __init__(self, measure: Measure, qrels: Qrels) -> None:
        assert measure.function is not None
        self._measure, self._qrels = measure, qrels
        self._function: Callable[[list[str], Mapping[str, int]], float] = named(measure.function)

    def iter_calc(self, run: Mapping[str, Mapping[str, float]]) -> Iterator[_Value]:
        """Yield the value of every query of a run; InputError for what is beyond its range."""
        for query, passages in run.items():
            value = self._function(list(passages), self._qrels[query])
            yield _Value(query, checked_value(self._measure, value, f"query '{query}'"))


class _Value(NamedTuple):
    query_id: str
    value: float


def checked_value(measure: Measure, value: float, of: str) -> float:
    """Return a plugin's value; InputError, which names the measure, if it is beyond its range."""
    number = float(value)
    if not measure.low <= number <= measure.high:
        raise InputError(
            f"{MEASURES.plugin(measure.name)}: its value of {of} is {number}, not between "
            f"{measure.low:g} and {measure.high:g}"
        )
    return number
