"""A fetched collection as scoring needs it: ids, judgements, and how ties are ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbench.config.config import Config
from starbench.measures import RANKING, Measure
from starbench.run.measured import measures_of
from starbench.run.paths import RunPaths
from starbench.run.texts import corpus_of
from starbench.stages.evaluate.measures import Measuring
from starbench.stages.evaluate.search import Ranking
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records

Ranked = tuple[str, list[str], list[float]]
"""(query, ids of passages, their scores), best first."""


@dataclass(frozen=True)
class CollectionToScore:
    """Ids and judgements of a collection, and how it is scored."""

    queries: list[str]
    passages: pa.ChunkedArray
    """Ids of the passages in the order of the corpus, memory-mapped."""
    qrels: dict[str, dict[str, int]]
    depth: int
    """How many passages are ranked for each query."""
    leave_out_query: bool
    ties: Literal["trec_eval", "corpus"]
    rr: Literal["trec_eval", "msmarco"]
    measures: tuple[Measure, ...] = tuple(RANKING.values())
    """What is computed of its rankings."""

    @classmethod
    def open(cls, config: Config, paths: RunPaths, track: str, name: str) -> CollectionToScore:
        """Return a fetched collection that a track scores."""
        source = config.datasets[name]
        folder, corpus = paths.dataset(name), paths.dataset(corpus_of(config, name))
        qrels: dict[str, dict[str, int]] = {}
        for judged in read_records(folder, QRELS):
            qrels.setdefault(judged["query"], {})[judged["passage"]] = judged["relevance"]
        return cls(
            list(read_records(folder, QUERIES)["id"]),
            read_records(corpus, PASSAGES).data.column("id"),
            qrels,
            config.tracks[track].searching.depth,
            source.leave_out_query,
            source.ties,
            source.rr,
            tuple(measures_of(config, track, name)),
        )

    @cached_property
    def tie_ranks(self) -> np.ndarray:
        """For each passage its place among passages of equal scores (passages,), int64."""
        return self.tie_ranks_of(range(len(self.passages)))

    def tie_ranks_of(self, rows: range) -> np.ndarray:
        """Return for some passages in a row their places among themselves, int64."""
        if self.ties == "corpus":
            return np.arange(len(rows))
        ids = pa.table({"id": self.passages.slice(rows.start, len(rows))})
        order = pc.sort_indices(ids, sort_keys=[("id", "descending")]).to_numpy()
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return ranks

    def unjudged(self, most: int) -> np.ndarray:
        """Return rows of passages that no query is judged on, at most so many, evenly spaced."""
        judged = {passage for passages in self.qrels.values() for passage in passages}
        known = pc.is_in(self.passages, value_set=pa.array(sorted(judged), self.passages.type))
        rows = np.flatnonzero(~known.to_numpy())
        count = min(most, len(rows))
        return rows[np.arange(count) * len(rows) // max(1, count)]

    @cached_property
    def measuring(self) -> Measuring:
        """The measures of rankings of this collection."""
        judged = {query: self.qrels[query] for query in self.queries}
        return Measuring(judged, self.depth, self.rr, self.measures)

    @property
    def depth_to_search(self) -> int:
        """How many passages to rank so that `depth` are left for every query."""
        return self.depth + 1 if self.leave_out_query else self.depth

    def ranked(self, ranking: Ranking) -> Iterator[Ranked]:
        """Yield every query's best `depth` passages, the query's own left out if so set."""
        for query, rows, scores in zip(self.queries, ranking.rows, ranking.scores, strict=True):
            ids = self.passages.take(pa.array(rows)).to_pylist()
            values = scores.tolist()
            if self.leave_out_query and query in ids:
                place = ids.index(query)
                del ids[place], values[place]
            yield query, ids[: self.depth], values[: self.depth]
