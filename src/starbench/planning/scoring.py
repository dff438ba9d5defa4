"""Seconds and disk of the jobs that score models, compare them and draw the report."""

from __future__ import annotations

from collections.abc import Sequence

from starbench.measures import RANKING
from starbench.planning.costs import Cost, Costs
from starbench.planning.work import search_work
from starbench.run.bits import scored_bits
from starbench.run.measured import more_measures
from starbench.run.models import Model, models_of
from starbench.run.texts import TextSet, corpus_of, examples_of, searched_in
from starbench.tracks import TRACKS
from starbench.tracks.track import named

RUN_BYTES = 14
"""Bytes of a ranked passage in a run file, gzipped."""
SCORE_BYTES = 12
"""Bytes of a query's measures at a cell, gzipped."""
FOUND_BYTES = 8
"""Bytes of a passage that the search of a shard found: its row and its score."""
TASK_TEXTS = 1000
"""Ranked passages that take as long to measure as a text of a classification or a clustering."""
LABELS = 100
"""Labels that a dataset is taken to have: which it has is known once it is fetched."""
PROBE_OPERATIONS = 4.0 * 100
"""Of a probe, for an example, a label and a dimension: a hundred products forth and back."""
SEARCH_MEMORY = 2e9
"""Bytes of a GPU that a block of scores and its best passages take."""


def score(costs: Costs, model: Model) -> Cost:
    """Score a model on every dataset of its track."""
    track = TRACKS[model.track]
    if track.cost is None:
        return score_collections(costs, model) if track.searches else score_pairs(costs, model)
    cost: Cost = named(track.cost)(costs, model)
    return cost


def score_pairs(costs: Costs, model: Model) -> Cost:
    """Score a model on datasets of pairs."""
    tasks = costs.config.tracks[model.track].scored
    pairs = sum(costs.size(task).records for task in tasks)
    seconds = len(tasks) * len(model.cells) * costs.host.sts_cell_s
    stored = float(len(model.cells) * pairs * 4)
    held = costs.held(costs.config.compute.evaluate)
    return Cost(costs.host.start_of(model.track) + seconds, held, 0.0, stored)


def score_tasks(costs: Costs, model: Model) -> Cost:
    """Score a model on tasks of MTEB."""
    tasks = costs.config.tracks[model.track].scored
    texts = sum(costs.size(task).records for task in tasks)
    # Classifiers and clusters take about as long for a text as the measures of a ranked passage.
    seconds = len(tasks) * costs.host.sts_cell_s + TASK_TEXTS * texts / costs.host.ranked_per_s
    held = costs.held(costs.config.compute.evaluate)
    return Cost(costs.host.start_of(model.track) + len(model.cells) * seconds, held)


def score_labels(costs: Costs, model: Model) -> Cost:
    """Score a model on labelled texts: a probe at every cell, and the nearest examples."""
    tasks = costs.config.tracks[model.track].scored
    seconds, stored = costs.host.start_of(model.track), 0.0
    dims = sum(cell.dim for cell in model.cells)
    for task in tasks:
        texts, examples = (
            costs.size(name).records for name in (task, examples_of(costs.config, task))
        )
        fitted = LABELS * PROBE_OPERATIONS * examples * dims
        pairs = 2.0 * texts * examples * dims
        seconds += (fitted + pairs) / costs.device.rate(
            "search", "fp32", max(c.dim for c in model.cells)
        )
        stored += len(model.cells) * texts
    return Cost(seconds, costs.held(costs.config.compute.evaluate), SEARCH_MEMORY, stored)


def score_collections(costs: Costs, model: Model) -> Cost:
    """Score a model on collections."""
    compute = costs.config.compute.evaluate
    seconds, stored = costs.host.start_of(model.track), 0.0
    for task in costs.config.tracks[model.track].scored:
        if costs.config.datasets[corpus_of(costs.config, task)].shards == 1:
            seconds += search_s(costs, model, task, passages_of(costs, task))
        measured = measure(costs, model, task)
        seconds, stored = seconds + measured.seconds, stored + measured.stored
    return Cost(seconds, costs.held(compute), SEARCH_MEMORY, stored)


def search(costs: Costs, model: Model, texts: TextSet) -> Cost:
    """Search one shard of a collection for every set of queries on it."""
    depth = costs.config.tracks[model.track].searching.depth
    passages = -(-passages_of(costs, texts.dataset) // texts.shards)
    seconds, found = costs.host.start_of(model.track), 0
    for task in searched_in(costs.config, model.track, texts.dataset):
        seconds += search_s(costs, model, task, passages)
        found += costs.size(task).queries * min(depth, passages)
    stored = float(len(model.cells) * found * FOUND_BYTES)
    return Cost(seconds, costs.held(costs.config.compute.evaluate), SEARCH_MEMORY, stored)


def search_s(costs: Costs, model: Model, task: str, passages: int) -> float:
    """Return the seconds of searching so many passages for a task's queries at every cell."""
    number = 2 if costs.config.tracks[model.track].embedding.dtype == "float16" else 4
    dims: dict[int, list[int]] = {}
    for cell in model.cells:
        dims.setdefault(cell.layers, []).append(cell.dim)
    work = search_work(costs.size(task).queries, passages, dims, number)
    return (
        work.operations / costs.device.rate("search", "fp32", max(map(max, dims.values())))
        + work.scores / costs.device.scores_per_s
        + work.bytes_read / costs.host.read_bytes_per_s
    )


def measure(costs: Costs, model: Model, task: str) -> Cost:
    """Measure the rankings of a task at every cell, and write those that are kept."""
    options = costs.config.tracks[model.track].searching
    again = len(model.sizes) if options.adaptive and len(model.sizes) > 1 else 0
    queries = costs.size(task).queries
    ranked = queries * min(options.depth, passages_of(costs, task))
    seconds = ranked * (len(model.cells) + again) / costs.host.ranked_per_s
    # The rate is of what is always measured.
    seconds *= 1 + len(more_measures(costs.config, model.track, task)) / len(RANKING)
    kept = {"none": 0, "trained": len(model.sizes), "all": len(model.cells)}[options.runs]
    stored = kept * ranked * RUN_BYTES + len(model.cells) * queries * SCORE_BYTES
    return Cost(seconds, stored=float(stored))


def passages_of(costs: Costs, task: str) -> int:
    """Return how many passages a task's queries are searched in."""
    return costs.size(corpus_of(costs.config, task)).records


def bm25(costs: Costs, track: str) -> Cost:
    """Score BM25 on every collection of a track."""
    depth = costs.config.tracks[track].searching.depth
    seconds, stored = costs.host.start_of(track), 0.0
    for task in costs.config.bm25_of(track):
        size, passages = costs.size(task), passages_of(costs, task)
        texts = costs.size(corpus_of(costs.config, task)).texts
        seconds += passages * texts.mean / costs.host.tokens_per_s
        seconds += size.queries * passages / costs.host.bm25_scores_per_s
        seconds += size.queries * min(depth, passages) / costs.host.ranked_per_s
        stored += size.queries * min(depth, passages) * RUN_BYTES
    return costs.beside(seconds, costs.config.compute.evaluate, stored=stored)


def collect(costs: Costs) -> Cost:
    """Put all scores together."""
    return costs.beside(costs.host.start_s["data"], costs.config.compute.report)


def leakage(costs: Costs, datasets: Sequence[str]) -> Cost:
    """Look for what is scored in what models are trained on."""
    records = sum(costs.size(name).records for name in datasets)
    seconds = costs.host.start_s["data"] + records / costs.host.records_per_s
    return costs.beside(seconds, costs.config.compute.report)


def compare(costs: Costs) -> Cost:
    """Test which systems and sizes differ."""
    # What compares needs none of the libraries that the slowest scorer starts with.
    seconds = min(map(costs.host.start_of, TRACKS))
    resamples = costs.config.report.resamples
    for track, section in costs.config.tracks.items():
        entries = sum(len(model.scored()) for model in models_of(costs.config, track))
        entries = min(entries, len(costs.config.systems) * len(costs.config.sizes))
        entries *= 1 + len(scored_bits(costs.config, track))
        for task in section.scored:
            size = costs.size(task)
            values = size.queries or size.records * entries
            seconds += resamples * values * len(costs.config.seeds) / costs.host.resampled_per_s
    return costs.beside(seconds, costs.config.compute.evaluate)


def report(costs: Costs, figures: int) -> Cost:
    """Draw tables and figures, a process a core."""
    compute = costs.config.compute.report
    processes = compute.cpus if costs.device.kind == "gpu" else costs.held(compute)
    drawing = figures * costs.host.figure_s / processes
    return costs.beside(costs.host.start_s["report"] + drawing, compute)
