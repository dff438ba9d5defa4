"""What one model costs: its rows of ``costs.csv``."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from starbench.config.amounts import MOST_PASSAGES_TIMED
from starbench.config.config import Config
from starbench.config.measure import Measure, Runtime
from starbench.encoders.shape import encoder_by
from starbench.machine.hardware import hardware
from starbench.machine.progress import Progress
from starbench.run.costs import measuring_of, timed_datasets
from starbench.run.embeddings import opened_embeddings
from starbench.run.models import MODEL_FOLDER, Model
from starbench.run.paths import RunPaths
from starbench.run.texts import TextSet, passage_sets
from starbench.sizes import Size, dims_of, layers_of
from starbench.stages.measure.counting import multiply_adds, sizes_of_vectors
from starbench.stages.measure.encoders import (
    CutModel,
    cut_models,
    loaded,
    refuse_too_small,
    why_not,
)
from starbench.stages.measure.searching import search_seconds
from starbench.stages.measure.texts import Sample, lengths, samples
from starbench.stages.measure.timing import Timed, alternated, spread
from starbench.store.costs import CostRow
from starbench.tracks import TRACKS

log = logging.getLogger(__name__)

LIBRARIES = {
    "torch": ("torch", "transformers", "sentence-transformers"),
    "onnx": ("onnxruntime",),
    "onnx-int8": ("onnxruntime",),
}
"""What runs an encoder."""


@dataclass(frozen=True)
class Job:
    """One model that is measured."""

    config: Config
    paths: RunPaths
    model: Model
    seed: int
    device: torch.device

    @property
    def given(self) -> Measure:
        """How it is measured."""
        return measuring_of(self.config)

    def row(self, cost: str, value: float, **columns: Any) -> CostRow:
        """Return a row without a system: `for_systems` makes one of it for each."""
        return CostRow("", self.seed, self.model.track, cost, value, **columns)

    def on(self, runtime: Runtime) -> dict[str, Any]:
        """Return the columns that say where and by what something was timed."""
        on_gpu = runtime == "torch" and self.device.type == "cuda"
        versions = (f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES[runtime])
        return {
            "runtime": runtime,
            "device": device_name(self.device if on_gpu else torch.device("cpu")),
            "threads": self.given.threads,
            "library": ", ".join(versions),
        }


def device_name(device: torch.device) -> str:
    """Return what a GPU or this machine's processor is called."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(hardware()["processor"]) or platform.machine()


def measure(
    config: Config, paths: RunPaths, model: Model, seed: int, device: torch.device
) -> tuple[list[CostRow], dict[Runtime, str]]:
    """Return the rows of a model, and why some runtimes were left out.

    See `starbench.stages.measure.run.measure_model` for what it raises.
    """
    job = Job(config, paths, model, seed, device)
    torch.set_num_threads(job.given.threads)
    whole = loaded(paths.model(model.track, model.name, seed) / MODEL_FOLDER, device)
    refuse_too_small(whole, model.cells, model.name)
    sampled = list(samples(config, paths, model, whole))
    without = why_not(whole, job.given.runtimes)
    for runtime, reason in without.items():
        log.warning("%s is not measured with %s: %s", model.name, runtime, reason)
    able = [runtime for runtime in job.given.runtimes if runtime not in without]
    cuts = list(cut_models(whole, layers_of(model.cells), able, job.given.threads))
    rows = [*_counted(job, whole, cuts, sampled), *_timed(job, cuts, sampled), *_searched(job)]
    return list(for_systems(model, rows)), without


def for_systems(model: Model, rows: Sequence[CostRow]) -> Iterator[CostRow]:
    """Yield the rows for every system that a model gives a size of, as far as that size goes."""
    for system in dict.fromkeys(system for system, _ in model.scored()):
        sizes = [size for name, size in model.scored() if name == system]
        layers, dims = {None, *layers_of(sizes)}, {None, *dims_of(sizes)}
        for row in rows:
            if row.layers in layers and row.dim in dims:
                yield replace(row, system=system)


def _counted(
    job: Job, whole: SentenceTransformer, cuts: Sequence[CutModel], sampled: Sequence[Sample]
) -> Iterator[CostRow]:
    for made in cuts:
        yield job.row("parameters", made.parameters, layers=made.layers)
        for runtime, count in made.file_bytes.items():
            yield job.row("file_bytes", count, layers=made.layers, runtime=runtime)
    for dim, bits, of_vector, of_million in sizes_of_vectors(
        dims_of(job.model.cells), job.given.bits
    ):
        yield job.row("vector_bytes", of_vector, dim=dim, bits=bits)
        yield job.row("index_bytes_per_million", of_million, dim=dim, bits=bits)
    encoder = encoder_by(whole[0].model.config.to_dict())
    longest = whole.max_seq_length
    for sample in sampled:
        whole.max_seq_length = sample.max_length or longest
        found = lengths(whole, sample.texts)
        of = {"dataset": sample.dataset, "part": sample.part, "texts": len(found)}
        low, high = np.percentile(found, [25, 75])
        yield job.row("tokens", float(found.mean()), low=float(low), high=float(high), **of)
        for made in cuts:
            work = multiply_adds(encoder, found, made.layers)
            yield job.row("multiply_adds", work, layers=made.layers, **of)


def _timed(job: Job, cuts: Sequence[CutModel], sampled: Sequence[Sample]) -> Iterator[CostRow]:
    sizes = job.given.batch_sizes
    whats = [(s, batch) for s in sampled for batch in _batches_of(s, sizes)]
    if not any(made.encoders for made in cuts):
        return
    with Progress(f"measure {job.model.name}", len(whats), "kinds of batch") as progress:
        for sample, batch in whats:
            yield from (
                _latency(job, cuts, sample)
                if batch is None
                else _throughput(job, cuts, sample, batch)
            )
            progress.step()


def _batches_of(sample: Sample, sizes: Sequence[int]) -> list[int | None]:
    """Return the sizes of batches that a set of texts is timed with, None for single texts.

    Queries come one by one; passages are encoded many at a time; of pairs there may be both.
    """
    single = [] if sample.part == "passages" else [None]
    return [*single, *([] if sample.part == "queries" else sizes)]


def _latency(job: Job, cuts: Sequence[CutModel], sample: Sample) -> Iterator[CostRow]:
    works: dict[tuple[int, Runtime], Sequence[Timed]] = {}
    for made in cuts:
        made.read_at_most(sample.max_length)
        for runtime, encode in made.encoders.items():
            pieces = [partial(encode, [text]) for text in sample.texts]
            works[made.layers, runtime] = pieces
    for (layers, runtime), seconds in alternated(works, job.given.rounds).items():
        for percent in (50, 95):
            value, low, high = spread(np.percentile(seconds, percent, axis=1))
            yield job.row(
                f"latency_p{percent}",
                value,
                low=low,
                high=high,
                batch=1,
                texts=len(sample.texts),
                **_timed_on(job, sample, layers, runtime),
            )


def _throughput(
    job: Job, cuts: Sequence[CutModel], sample: Sample, batch: int
) -> Iterator[CostRow]:
    texts = sample.longest_first(max(len(sample.texts), batch))
    batches = [texts[first : first + batch] for first in range(0, len(texts), batch)]
    works: dict[tuple[int, Runtime], Sequence[Timed]] = {}
    for made in cuts:
        made.read_at_most(sample.max_length)
        for runtime, encode in made.encoders.items():
            works[made.layers, runtime] = [partial(encode, part) for part in batches]
    for (layers, runtime), seconds in alternated(works, job.given.rounds).items():
        value, low, high = spread(len(texts) / seconds.sum(axis=1))
        yield job.row(
            "throughput",
            value,
            low=low,
            high=high,
            batch=batch,
            texts=len(texts),
            **_timed_on(job, sample, layers, runtime),
        )


def _timed_on(job: Job, sample: Sample, layers: int, runtime: Runtime) -> dict[str, Any]:
    """Return the columns that say what was timed on which texts, where and by what."""
    of = {"layers": layers, "dataset": sample.dataset, "part": sample.part}
    return of | job.on(runtime)


def _searched(job: Job) -> Iterator[CostRow]:
    """Yield the seconds and multiply-adds of exact search in each collection; none for pairs."""
    track, cells = job.model.track, job.model.cells
    if not TRACKS[track].searches:
        return
    dims, deepest = dims_of(cells), max(layers_of(cells))
    depth = job.config.tracks[track].searching.depth
    for dataset in timed_datasets(job.config, track):
        widest = Size(deepest, max(c.dim for c in cells if c.layers == deepest))
        vectors, passages = _passages(job, dataset, widest)
        queries = _stored(job, TextSet(dataset, "queries")).at(widest)[: job.given.texts]
        known = [dim for dim in dims if dim <= widest.dim]
        found = search_seconds(vectors, queries, known, depth, job.given.rounds, job.device)
        for dim, (value, low, high) in found.items():
            of = {"dim": dim, "dataset": dataset, "part": "passages"}
            yield job.row("search_multiply_adds", passages * dim, texts=passages, **of)
            on = job.on("torch") | {"runtime": "torch", "bits": 32, "texts": len(vectors)}
            yield job.row("search", value, low=low, high=high, batch=1, **of, **on)


def _passages(job: Job, dataset: str, size: Size) -> tuple[np.ndarray, int]:
    """Return the vectors of the first passages of a collection, and how many it has in all."""
    shards = [_stored(job, texts) for texts in passage_sets(job.config, dataset)]
    parts, room = [], MOST_PASSAGES_TIMED
    for shard in shards:
        if room > 0:
            parts.append(shard.block(size, 0, room))
            room -= len(parts[-1])
    return np.concatenate(parts), sum(shard.rows for shard in shards)


def _stored(job: Job, texts: TextSet) -> Any:
    return opened_embeddings(job.config, job.paths, job.model, job.seed, texts)
