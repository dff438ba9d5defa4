"""BM25 on the collections of a track, scored as models are."""

from __future__ import annotations

import logging
import shutil

import numpy as np

from starbench.config.config import Config
from starbench.machine.lock import only_one_in
from starbench.run import versions
from starbench.run.paths import RunPaths
from starbench.run.slices import bm25_slice
from starbench.run.texts import corpus_of
from starbench.sources.bm25 import Bm25
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.retrieval import measured_scores, write_by_query, write_run
from starbench.stages.evaluate.search import Ranking
from starbench.store.manifest import Stage
from starbench.store.records import PASSAGES, QUERIES, read_records
from starbench.store.scores import BM25, BY_QUERY, SCORES, Score, write_scores

log = logging.getLogger(__name__)

RUN = "runs/bm25.trec.gz"


def score_bm25(config: Config, paths: RunPaths, track: str) -> None:
    """Rank every collection of a track by BM25 and keep the measures as those of models are."""
    datasets = config.bm25_of(track)
    for dataset in datasets:
        folder, data = paths.bm25(track) / dataset, paths.dataset(dataset)
        corpus = paths.dataset(corpus_of(config, dataset))
        part = bm25_slice(config, track, dataset)
        stage = Stage("evaluate", versions.EVALUATE, part, [data, corpus / PASSAGES])
        with only_one_in(folder, "scoring"):
            if stage.is_done(folder):
                log.info("%s: already scored", dataset)
                continue
            shutil.rmtree(folder, ignore_errors=True)
            stage.finish(folder, _score(config, paths, track, dataset))
        log.info("%s: scored", dataset)
    stage = Stage("evaluate", versions.EVALUATE, {"datasets": datasets}, inputs=[])
    stage.finish(paths.bm25(track), [f"{dataset}/manifest.json" for dataset in datasets])


def _score(config: Config, paths: RunPaths, track: str, dataset: str) -> list[str]:
    options = config.tracks[track].searching
    assert options.bm25 is not None
    collection = CollectionToScore.open(config, paths, track, dataset)
    corpus = paths.dataset(corpus_of(config, dataset))
    index = Bm25(read_records(corpus, PASSAGES)["text"], options.bm25.k1, options.bm25.b)
    texts = list(read_records(paths.dataset(dataset), QUERIES)["text"])
    rows, scores = index.top(texts, collection.depth_to_search)
    order = np.lexsort((collection.tie_ranks[rows], -scores), axis=1)
    ranking = Ranking(
        np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )
    ranked = list(collection.ranked(ranking))
    by_query = collection.measuring.of({query: ids for query, ids, _ in ranked})
    folder = paths.bm25(track) / dataset
    found = [
        Score(BM25, seed, None, track, dataset, metric, mean, queries)
        for seed in config.seeds
        for metric, mean, queries in measured_scores(by_query)
    ]
    if options.runs != "none":
        write_run(folder / RUN, ranked, BM25)
    write_scores(folder / SCORES, found)
    write_by_query(folder / BY_QUERY, collection.measuring.queries, {None: by_query})
    return [SCORES, BY_QUERY, *([RUN] if options.runs != "none" else [])]
