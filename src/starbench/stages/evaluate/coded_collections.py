"""Scoring one model on one collection with fewer bits a number, at every cell, and the funnel."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from starbench.config.bits import Bits, parts_of
from starbench.run.bits import funnel_sizes, scored_bits, searched_bits, stored_bits
from starbench.run.embeddings import similarity_of
from starbench.sizes import Size
from starbench.stages.evaluate.adaptive import Cascade, Reranker, write_adaptive
from starbench.stages.evaluate.coded_search import search_codes
from starbench.stages.evaluate.coders import Coders, calibrated_on
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.retrieval import (
    means_of,
    measured_scores,
    write_by_query,
    write_run,
)
from starbench.stages.evaluate.search import Ranking, search
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.embeddings import rows_of
from starbench.store.scores import ADAPTIVE, BY_QUERY, SCORES, Score, of_bits, write_scores

Measured = dict[str, np.ndarray]
"""{measure: its value by query}"""


def score_collection(task: Task) -> Scored:
    """Search a collection with one model's codes at every cell, and measure the rankings."""
    return _Scoring(task).scored()


class _Scoring:
    """One model on one collection."""

    def __init__(self, task: Task) -> None:
        config, track = task.config, task.model.track
        options = config.tracks[track].bits
        assert options is not None
        self.task, self.options = task, options
        self.names = scored_bits(config, track)
        self.stored = stored_bits(config, track)
        self.collection = CollectionToScore.open(config, task.paths, track, task.dataset)
        self.queries, *self.shards = task.embeddings
        self.similarity = similarity_of(self.queries, task.model)
        self.coders = self._coders(options)
        self.reranker = Reranker(
            self.queries, self.shards, self.similarity, self.collection.tie_ranks, self.coders.of
        )
        self.files = [SCORES]
        self.coding: dict[str, int] = {}

    def _coders(self, options: Bits) -> Coders:
        rows = self.collection.unjudged(options.calibration)
        what = f"passage{'s' * (len(rows) != 1)} without a judgement"
        return Coders(
            options,
            self.similarity == "cosine",
            self.stored,
            lambda size: rows_of(self.shards, size, rows),
            calibrated_on(self.task, len(rows), what),
        )

    def scored(self) -> Scored:
        """Score every cell, and the funnel if there is one; write what came of it."""
        parts = {part for name in self.names for part in parts_of(name)} - {self.stored}
        # What cannot be fitted is told before anything is written.
        self.coders.fit(self.task.model.cells, sorted(parts))
        scores: list[Score] = []
        by_query: dict[str, dict[Size | None, Measured]] = defaultdict(dict)
        for cell in self.task.model.cells:
            for name, ranking in self._rankings(cell).items():
                by_query[name][cell] = self._measured(cell, name, ranking)
                for metric, mean, counted in measured_scores(by_query[name][cell]):
                    scores += self.task.scores(cell, metric, mean, counted, name)
        write_scores(self.task.folder / SCORES, scores)
        for name, measured in by_query.items():
            self.files.append(of_bits(BY_QUERY, name))
            path = self.task.folder / self.files[-1]
            write_by_query(path, self.collection.measuring.queries, measured)
        sizes = funnel_sizes(self.task.config, self.task.model.track)
        if sizes and set(sizes) <= set(self.task.model.cells):
            self._try_funnel(sizes)
        return Scored(self.files, [], self.coders.constant | self.coding)

    def _rankings(self, cell: Size) -> dict[str, Ranking]:
        """Return the ranking of each representation, and of shortlists ranked again."""
        wanted = searched_bits(self.task.config, self.task.model.track)
        first = self._searched(cell, wanted)
        found = {name: first[name] for name in self.names if name in first}
        kept = min(self.options.shortlist, self.collection.depth)
        for name in self.names:
            parts = tuple(parts_of(name))
            if len(parts) > 1:
                steps = Cascade(name, (cell, cell), (kept,), parts)
                found[name] = self.reranker.cascade(steps, first[parts[0]])
        return found

    def _searched(self, cell: Size, names: list[str]) -> dict[str, Ranking]:
        depth, ranks = self.collection.depth_to_search, self.collection.tie_ranks
        coders = {name: self.coders.made(cell, name) for name in names}
        found = search_codes(self.queries, self.shards, cell, coders, depth, ranks)
        self.coding |= {f"{name} {cell}": count for name, count in found.blank.items()}
        return found.rankings

    def _measured(self, cell: Size, name: str, ranking: Ranking) -> Measured:
        """Return the measures of a ranking by query, and keep its run file if it is wanted."""
        runs = self.task.config.tracks[self.task.model.track].searching.runs
        ranked = list(self.collection.ranked(ranking))
        if runs == "all" or (runs == "trained" and cell in self.task.model.sizes):
            self.files.append(f"runs/{cell}-{name}.trec.gz")
            tag = f"{self.task.model.name}-{cell}-{name}"
            write_run(self.task.folder / self.files[-1], ranked, tag)
        return self.collection.measuring.of({query: ids for query, ids, _ in ranked})

    def _try_funnel(self, sizes: list[Size]) -> None:
        """Write what the funnel finds and costs beside exact search with what is stored."""
        steps = self._funnel(sizes)
        full = self._first(sizes[-1], self.stored)
        found = self.reranker.cascade(steps, self._first(sizes[0], steps.bits[0]))
        values, exact = (
            means_of(
                self.collection.measuring.of(
                    {query: ids for query, ids, _ in self.collection.ranked(ranking)}
                )
            )
            for ranking in (found, full)
        )
        write_adaptive(
            self.task.folder / ADAPTIVE,
            {"system": self.task.model.system, "dataset": self.task.dataset},
            self.task.seeds,
            [(steps, values)],
            exact=exact,
            passages=len(self.collection.passages),
            stored=self.stored,
        )
        self.files.append(ADAPTIVE)

    def _funnel(self, sizes: list[Size]) -> Cascade:
        bits = tuple(step.bits for step in self.options.funnel)
        kept = tuple(step.keep for step in self.options.funnel if step.keep is not None)
        name = " -> ".join(f"{size}-{of}" for size, of in zip(sizes, bits, strict=True))
        return Cascade(name, tuple(sizes), kept, bits)

    def _first(self, size: Size, name: str) -> Ranking:
        """Return the ranking of all passages by one representation."""
        if name != self.stored:
            return self._searched(size, [name])[name]
        depth, ranks = self.collection.depth_to_search, self.collection.tie_ranks
        return search(self.queries, self.shards, [size], depth, self.similarity, ranks)[size]
