"""What an exported model is tried on: the texts and judgements that its run scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ir_measures
import numpy as np
from scipy.stats import spearmanr

from starbench.config.config import Config
from starbench.measures import PAIRS, Measure, ranking_measure
from starbench.run.paths import RunPaths
from starbench.run.texts import corpus_of, text_sets
from starbench.stages.export.vectors import Embed, cosines, unit
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records
from starbench.tracks import TRACKS
from starbench.tracks.track import named

Prompt = Callable[[str, str], str]
"""(dataset, role) -> what is put before its texts"""

MOST_PASSAGES = 5_000
"""Passages of the largest collection that an exported model is scored on."""
DEPTH = 100


@dataclass(frozen=True)
class Beside:
    """A score of two formats of one model, by the same code."""

    dataset: str
    metric: str
    fp32: float
    int8: float


def sample_texts(config: Config, paths: RunPaths, track: str, count: int) -> list[str]:
    """Return `count` distinct texts of what a track scores, or all that there are.

    They come from every set of texts in turn, evenly spaced within it.
    """
    sets = [texts.open(paths).spread(count) for texts in text_sets(config, track)]
    turns = (texts[row] for row in range(count) for texts in sets if row < len(texts))
    return list(dict.fromkeys(turns))[:count]


def scores_beside(
    config: Config,
    paths: RunPaths,
    track: str,
    fp32: Embed,
    int8: Embed,
    similarity: str,
    prompt: Prompt,
) -> Iterator[Beside]:
    """Yield the scores of both formats: of every set of pairs, or of the smallest collection.

    Of a track that scores anything else nothing is. A collection of more than `MOST_PASSAGES` is
    left out: it would take long.

    Args:
        config: the run's config.
        paths: the run's folder.
        track: the track that the model is of.
        fp32: embeds texts in one format.
        int8: embeds texts in the other one.
        similarity: what compares vectors, ``cosine`` or ``dot``.
        prompt: gives the prompt of a dataset's texts in a role.
    """
    scored = config.tracks[track].scored
    if TRACKS[track].scores == "pairs":
        metric = next(iter(PAIRS))
        for name in scored:
            values = (_pairs(paths, name, embed, prompt) for embed in (fp32, int8))
            yield Beside(name, metric, *values)
    if not TRACKS[track].searches:
        return
    corpora = {name: paths.dataset(corpus_of(config, name)) for name in scored}
    sizes = {name: len(read_records(corpus, PASSAGES)) for name, corpus in corpora.items()}
    name = min(scored, key=lambda name: sizes[name])
    if sizes[name] <= MOST_PASSAGES:
        metric = TRACKS[track].metric(config.datasets[name])
        yield Beside(
            name,
            metric,
            *(
                _search(config, paths, name, embed, metric, similarity, prompt)
                for embed in (fp32, int8)
            ),
        )


def _pairs(paths: RunPaths, name: str, embed: Embed, prompt: Prompt) -> float:
    """Return Spearman's correlation of cosines with the gold scores of a set of pairs."""
    rows = read_records(paths.dataset(name))
    first, second = list(rows["sentence1"]), list(rows["sentence2"])
    texts = list(dict.fromkeys([*first, *second]))
    row_of = {text: row for row, text in enumerate(texts)}
    vectors = embed([prompt(name, "text") + text for text in texts])
    left, right = ([row_of[text] for text in column] for column in (first, second))
    return float(spearmanr(cosines(vectors[left], vectors[right]), rows["score"]).statistic)


def _search(
    config: Config,
    paths: RunPaths,
    name: str,
    embed: Embed,
    metric: str,
    similarity: str,
    prompt: Prompt,
) -> float:
    """Return a measure of the best passages of every query of a collection."""
    folder, corpus = paths.dataset(name), paths.dataset(corpus_of(config, name))
    queries, passages = read_records(folder, QUERIES), read_records(corpus, PASSAGES)
    prompts = prompt(name, "query"), prompt(corpus_of(config, name), "passage")
    vectors = [
        embed([before + text for text in rows["text"]])
        for before, rows in zip(prompts, (queries, passages), strict=True)
    ]
    if similarity == "cosine":
        vectors = [unit(found) for found in vectors]
    scores, ids = vectors[0] @ vectors[1].T, list(passages["id"])
    leaves_out = getattr(config.datasets[name], "leave_out_query", False)
    run = []
    for query, row in zip(queries["id"], scores, strict=True):
        best = np.argsort(-row, kind="stable")[: DEPTH + 1]
        found = [(ids[place], float(row[place])) for place in best]
        found = [pair for pair in found if not (leaves_out and pair[0] == query)][:DEPTH]
        run += [ir_measures.ScoredDoc(query, passage, score) for passage, score in found]
    qrels = [
        ir_measures.Qrel(judged["query"], judged["passage"], judged["relevance"])
        for judged in read_records(folder, QRELS)
    ]
    known = ranking_measure(metric)
    if known.function is not None:
        return _by_plugin(known, qrels, run)
    measure = ir_measures.parse_measure(metric)
    return float(ir_measures.calc_aggregate([measure], qrels, run)[measure])


def _by_plugin(measure: Measure, qrels: Sequence[Any], run: Sequence[Any]) -> float:
    """Return the mean over the judged queries of a plugin's measure; the run is best first."""
    assert measure.function is not None
    function = named(measure.function)
    ranked: dict[str, list[str]] = {qrel.query_id: [] for qrel in qrels}
    judged: dict[str, dict[str, int]] = {query: {} for query in ranked}
    for qrel in qrels:
        judged[qrel.query_id][qrel.doc_id] = qrel.relevance
    for found in run:
        ranked[found.query_id].append(found.doc_id)
    values = [function(ranked[query][: measure.cutoff], judged[query]) for query in ranked]
    return float(np.mean(values))
