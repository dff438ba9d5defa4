"""Scoring one model on one collection: rankings at every cell, their measures, run files."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import numpy as np

from starbench.config.search import Adaptive
from starbench.machine.files import written_whole
from starbench.run.embeddings import similarity_of
from starbench.sizes import Size
from starbench.stages.evaluate.adaptive import Reranker, cascades, write_adaptive
from starbench.stages.evaluate.collection import CollectionToScore, Ranked
from starbench.stages.evaluate.search import Ranking, search
from starbench.stages.evaluate.shards import merged_shards
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.scores import ADAPTIVE, BY_QUERY, SCORES, Score, write_scores

SPACE = re.compile(r"\s")


def score_collection(task: Task) -> Scored:
    """Search a collection with one model's embeddings at every cell, and measure the rankings."""
    options = task.config.tracks[task.model.track].searching
    collection = CollectionToScore.open(task.config, task.paths, task.model.track, task.dataset)
    rankings = _rankings(task, collection)
    files = [SCORES, BY_QUERY]
    scores: list[Score] = []
    by_query: dict[Size | None, dict[str, np.ndarray]] = {}
    for cell, ranking in rankings.items():
        ranked = list(collection.ranked(ranking))
        by_query[cell] = collection.measuring.of({query: ids for query, ids, _ in ranked})
        for metric, mean, counted in measured_scores(by_query[cell]):
            scores += task.scores(cell, metric, mean, counted)
        if options.runs == "all" or (options.runs == "trained" and cell in task.model.sizes):
            files.append(f"runs/{cell}.trec.gz")
            write_run(task.folder / files[-1], ranked, f"{task.model.name}-{cell}")
    write_scores(task.folder / SCORES, scores)
    write_by_query(task.folder / BY_QUERY, collection.measuring.queries, by_query)
    if options.adaptive and len(task.model.sizes) > 1:
        exact = means_of(by_query[task.model.sizes[-1]])
        _try_adaptive(task, collection, rankings, options.adaptive, exact)
        files.append(ADAPTIVE)
    return Scored(files, [cell for cell, ranking in rankings.items() if _is_constant(ranking)])


def _rankings(task: Task, collection: CollectionToScore) -> dict[Size, Ranking]:
    """Search the collection, or put together what the jobs of its shards have found."""
    queries, *shards = task.embeddings
    if len(shards) > 1:
        return merged_shards(task, collection)
    similarity = similarity_of(queries, task.model)
    cells, depth = task.model.cells, collection.depth_to_search
    return search(queries, shards, cells, depth, similarity, collection.tie_ranks)


def _is_constant(ranking: Ranking) -> bool:
    """Whether every passage has the same score: all passages have one embedding."""
    return ranking.scores.shape[1] > 1 and bool((ranking.scores == ranking.scores[:, :1]).all())


def _try_adaptive(
    task: Task,
    collection: CollectionToScore,
    rankings: Mapping[Size, Ranking],
    options: Adaptive,
    exact: Mapping[str, float],
) -> None:
    """Rank again what small sizes shortlist, and write what that finds and costs."""
    queries, *shards = task.embeddings
    similarity = similarity_of(queries, task.model)
    reranker = Reranker(queries, shards, similarity, collection.tie_ranks)
    tried = []
    depth = min(ranking.rows.shape[1] for ranking in rankings.values())
    for steps in cascades(task.model.sizes, options, depth):
        again = reranker.cascade(steps, rankings[steps.sizes[0]])
        ranked = {query: ids for query, ids, _ in collection.ranked(again)}
        tried.append((steps, means_of(collection.measuring.of(ranked))))
    write_adaptive(
        task.folder / ADAPTIVE,
        {"system": task.model.system, "dataset": task.dataset},
        task.seeds,
        tried,
        exact=exact,
        passages=len(collection.passages),
        stored=queries.manifest["dtype"]["vectors"],
    )


def measured_scores(by_query: Mapping[str, np.ndarray]) -> list[tuple[str, float, int]]:
    """Return (measure, mean, queries) of every measure over the queries that it counts."""
    return [
        (metric, float(np.nanmean(values)), int((~np.isnan(values)).sum()))
        for metric, values in by_query.items()
    ]


def means_of(by_query: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the mean of every measure over the queries that it counts."""
    return {metric: mean for metric, mean, _ in measured_scores(by_query)}


def write_by_query(
    path: Path, queries: list[str], by_cell: Mapping[Size | None, Mapping[str, np.ndarray]]
) -> None:
    """Write every query's measures at every cell as gzipped CSV."""
    shown = list(next(iter(by_cell.values())))
    with _gzipped(path) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["layers", "dim", "query", *shown])
        for cell, measured in by_cell.items():
            columns = [measured[metric].tolist() for metric in shown]
            for query, *values in zip(queries, *columns, strict=True):
                writer.writerow([*_cut(cell), query, *map(repr, values)])


def _cut(cell: Size | None) -> tuple[int, int] | tuple[str, str]:
    return (cell.layers, cell.dim) if cell else ("", "")


def write_run(path: Path, ranked: Iterable[Ranked], tag: str) -> None:
    """Write rankings as a TREC run file, gzipped: query Q0 passage rank score tag."""
    with _gzipped(path) as out:
        for query, ids, scores in ranked:
            asked = run_id(query)
            out.writelines(
                f"{asked} Q0 {run_id(name)} {place} {score:.9g} {tag}\n"
                for place, (name, score) in enumerate(zip(ids, scores, strict=True), start=1)
            )


def run_id(name: str) -> str:
    """Return an id as a run file has it: white space in it, and then `%` too, percent-encoded.

    White space of ASCII never gets here, but Python's readers of run files part fields at any
    (U+00A0 ...). ``urllib.parse.unquote`` gives the id back.
    """
    if name.isprintable() or not SPACE.search(name):
        return name
    return re.sub(r"[\s%]", lambda found: quote(found[0]), name)


@contextmanager
def _gzipped(path: Path) -> Iterator[IO[str]]:
    """Open a gzip file for text; the same text gives the same bytes, and it appears whole."""
    with (
        written_whole(path) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as out,
    ):
        yield out
