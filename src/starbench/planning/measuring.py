"""Seconds and disk of the jobs that measure what sizes cost."""

from __future__ import annotations

from starbench.config.amounts import MOST_PASSAGES_TIMED
from starbench.encoders.shape import BACKWARD
from starbench.planning.costs import Cost, Costs
from starbench.planning.scoring import passages_of
from starbench.run.costs import measuring_of, timed_datasets, timed_sets
from starbench.run.models import Model
from starbench.run.slices import text_set_slice
from starbench.run.texts import TextSet
from starbench.sizes import dims_of, layers_of
from starbench.tracks import TRACKS

ONNX_S = 8.0
"""Seconds until the ONNX graph of one number of layers is made."""
RESULT_BYTES = 150
"""Bytes of a row of ``costs.csv``."""


def measure(costs: Costs, model: Model) -> Cost:
    """Measure every number of layers and dims of a model."""
    given = measuring_of(costs.config)
    layers, dims = layers_of(model.cells), dims_of(model.cells)
    graphs = any(runtime != "torch" for runtime in given.runtimes)
    seconds = costs.host.start_s["embed"] + graphs * ONNX_S * len(layers)
    for texts in timed_sets(costs.config, model.track):
        seconds += len(given.runtimes) * _encoding_s(costs, model, texts)
    if TRACKS[model.track].searches:
        seconds += sum(_search_s(costs, name, dims) for name in _datasets(costs, model))
    stored = float(RESULT_BYTES * len(layers) * len(dims))
    # On one machine the job has all cores, so that no other job runs beside it.
    held = 1 if costs.device.kind == "gpu" else costs.units
    return Cost(seconds, held, 0.0, stored)


def _datasets(costs: Costs, model: Model) -> list[str]:
    return timed_datasets(costs.config, model.track)


def _encoding_s(costs: Costs, model: Model, texts: TextSet) -> float:
    """Return the seconds of all rounds over a set of texts, with each number of layers."""
    given, encoder = measuring_of(costs.config), costs.encoder_of(model)
    part = text_set_slice(costs.config, model, texts.dataset, texts.part)
    asked = texts.part == "queries"
    size = costs.size(texts.dataset)
    longest = part["query_max_length" if asked else "max_length"] or encoder.positions
    lengths = (size.asked if asked else size.texts).cut(longest)
    sizes = ([] if texts.part == "passages" else [1]) + ([] if asked else given.batch_sizes)
    seconds = 0.0
    for batch in sizes:
        count = max(given.texts, batch)
        for layers in layers_of(model.cells):
            work = encoder.forward(count * lengths.mean, lengths.attended, layers)
            rate = costs.device.rate("embedding", "fp32", encoder.width)
            calls = layers * -(-count // batch) * costs.device.layer_call_s / (1 + BACKWARD)
            seconds += work / rate + calls
    return (given.rounds + 1) * seconds


def _search_s(costs: Costs, dataset: str, dims: list[int]) -> float:
    given = measuring_of(costs.config)
    passages = min(passages_of(costs, dataset), MOST_PASSAGES_TIMED)
    queries = min(given.texts, costs.size(dataset).queries)
    read = 4.0 * queries * passages * sum(dims)
    return (given.rounds + 1) * read / costs.host.read_bytes_per_s
