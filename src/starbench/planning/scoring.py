"""Seconds and disk of the jobs that score models, compare them and draw the report."""

from __future__ import annotations

from starbench.models import Model, models_of
from starbench.planning.costs import Cost, Costs
from starbench.planning.work import search_work

RUN_BYTES = 14
"""Bytes of a ranked passage in a run file, gzipped."""
SCORE_BYTES = 12
"""Bytes of a query's measures at a cell, gzipped."""
SEARCH_MEMORY = 2e9
"""Bytes of a GPU that a block of scores and its best passages take."""


def score(costs: Costs, model: Model) -> Cost:
    """Score a model on every dataset of its track."""
    compute = costs.config.compute.evaluate
    tasks = costs.config.tracks[model.track].scored  # type: ignore[index]
    if model.track == "sts":
        pairs = sum(costs.size(task).records for task in tasks)
        seconds = len(tasks) * len(model.cells) * costs.host.sts_cell_s
        stored = float(len(model.cells) * pairs * 4)
        return Cost(costs.host.start_s["sts"] + seconds, costs.held(compute), 0.0, stored)
    parts = [_search(costs, model, task) for task in tasks]
    seconds = costs.host.start_s["retrieval"] + sum(part.seconds for part in parts)
    stored = sum(part.stored for part in parts)
    return Cost(seconds, costs.held(compute), SEARCH_MEMORY, stored)


def _search(costs: Costs, model: Model, task: str) -> Cost:
    options = costs.config.tracks["retrieval"].searching
    number = 2 if costs.config.tracks["retrieval"].embedding.dtype == "float16" else 4
    dims: dict[int, list[int]] = {}
    for cell in model.cells:
        dims.setdefault(cell.layers, []).append(cell.dim)
    queries, passages = costs.size(task).queries, _passages(costs, task)
    work = search_work(queries, passages, dims, options.depth, number)
    again = len(model.sizes) if options.adaptive and len(model.sizes) > 1 else 0
    measured = work.ranked * (1 + again / len(model.cells))
    seconds = (
        work.operations / costs.device.rate("search", "fp32", max(map(max, dims.values())))
        + work.scores / costs.device.scores_per_s
        + measured / costs.host.ranked_per_s
        + work.bytes_read / costs.host.read_bytes_per_s
    )
    kept = {"none": 0, "trained": len(model.sizes), "all": len(model.cells)}[options.runs]
    runs = kept * queries * min(options.depth, passages) * RUN_BYTES
    return Cost(seconds, stored=float(runs + len(model.cells) * queries * SCORE_BYTES))


def _passages(costs: Costs, task: str) -> int:
    return costs.size(costs.config.datasets[task].corpus or task).records


def bm25(costs: Costs) -> Cost:
    """Score BM25 on every collection."""
    depth = costs.config.tracks["retrieval"].searching.depth
    seconds, stored = costs.host.start_s["retrieval"], 0.0
    for task in costs.config.bm25_datasets:
        size, passages = costs.size(task), _passages(costs, task)
        owner = costs.config.datasets[task].corpus or task
        seconds += passages * costs.size(owner).texts.mean / costs.host.tokens_per_s
        seconds += size.queries * passages / costs.host.bm25_scores_per_s
        seconds += size.queries * min(depth, passages) / costs.host.ranked_per_s
        stored += size.queries * min(depth, passages) * RUN_BYTES
    return costs.beside(seconds, costs.config.compute.evaluate, stored=stored)


def collect(costs: Costs) -> Cost:
    """Put all scores together."""
    return costs.beside(costs.host.start_s["data"], costs.config.compute.report)


def compare(costs: Costs) -> Cost:
    """Test which systems and sizes differ."""
    resamples, seconds = costs.config.report.resamples, costs.host.start_s["retrieval"]
    for track, section in costs.config.tracks.items():
        entries = sum(len(model.scored()) for model in models_of(costs.config, track))
        entries = min(entries, len(costs.config.systems) * len(costs.config.sizes))
        for task in section.scored:
            size = costs.size(task)
            values = size.records * entries if track == "sts" else size.queries
            seconds += resamples * values * len(costs.config.seeds) / costs.host.resampled_per_s
    return costs.beside(seconds, costs.config.compute.evaluate)


def report(costs: Costs, figures: int) -> Cost:
    """Draw tables and figures."""
    seconds = costs.host.start_s["report"] + figures * costs.host.figure_s
    return costs.beside(seconds, costs.config.compute.report)
