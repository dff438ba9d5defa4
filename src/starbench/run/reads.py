"""What each job depends on besides its inputs: the rules' parameter `reads`.

It is the part of the config that the job reads and the version of its results. So a changed key
makes again what depends on it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starbench.run import versions
from starbench.run.costs import measure_slice
from starbench.run.fetched import checkpoint_slice, dataset_slice
from starbench.run.jobs import Job
from starbench.run.leakage import training_sets
from starbench.run.slices import (
    asymmetric_slice,
    bits_slice,
    bm25_slice,
    comparison_slice,
    embedding_slice,
    export_slice,
    finetuning_slice,
    pretraining_slice,
    scoring_slice,
    searching_slice,
    text_set_slice,
)
from starbench.run.texts import searched_in, sharded, text_sets

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths

Reads = dict[str, Any]


def reads(config: Config, paths: RunPaths, job: Job) -> Reads:
    """Return what a job depends on, as JSON values.

    The contents of local files are not in it (`starbench.stages.data.origins`), nor is what the
    report shows (`starbench.stages.report.products`).
    """
    return READS[job.rule](config, paths, job)


def _dataset(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.DATA, **dataset_slice(config, paths, job.dataset)}


def _checkpoint(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.CHECKPOINT, **checkpoint_slice(config, paths, job.backbone)}


def _leakage(config: Config, paths: RunPaths, job: Job) -> Reads:
    compared: Reads = {
        track: [training_sets(config, track), section.scored]
        for track, section in config.tracks.items()
    }
    return {"version": versions.LEAKAGE, **compared}


def _backbone(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.PRETRAIN, **pretraining_slice(config, job.backbone, job.seed)}


def _model(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.FINETUNE, **finetuning_slice(config, job.model, job.seed)}


def _texts(config: Config, paths: RunPaths, job: Job) -> Reads:
    """Return what embeddings depend on, and of which sets of texts there are to be some."""
    model = job.model
    sets = text_sets(config, model.track)
    own = [texts.folder for texts in sets if texts not in sharded(sets)]
    return {"version": versions.EMBED, **embedding_slice(config, model), "texts": own}


def _shard(config: Config, paths: RunPaths, job: Job) -> Reads:
    """Return what embeddings of a shard depend on: of equal shards, how many there are."""
    assert job.shard is not None
    source = config.datasets[job.shard.dataset]
    part = text_set_slice(config, job.model, job.shard.dataset, job.shard.part)
    cut = source.shard_rows or f"1/{source.shards}"
    return {"version": versions.EMBED, **part, "shard": cut}


def _search(config: Config, paths: RunPaths, job: Job) -> Reads:
    assert job.shard is not None
    tasks = searched_in(config, job.model.track, job.shard.dataset)
    parts = {task: searching_slice(config, job.model, task) for task in tasks}
    return {"version": versions.EVALUATE, **parts}


def _scores(config: Config, paths: RunPaths, job: Job) -> Reads:
    model = job.model
    scored = config.tracks[model.track].scored
    parts = {name: scoring_slice(config, model, name) for name in scored}
    return {"version": versions.EVALUATE, **parts}


def _bits(config: Config, paths: RunPaths, job: Job) -> Reads:
    model = job.model
    parts = {name: bits_slice(config, model, name) for name in config.tracks[model.track].scored}
    return {"version": versions.BITS, **parts}


def _asymmetric(config: Config, paths: RunPaths, job: Job) -> Reads:
    model, scored = job.model, config.tracks[job.model.track].scored
    parts = {name: asymmetric_slice(config, model, name) for name in scored}
    return {"version": versions.ASYMMETRIC, **parts}


def _costs(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.MEASURE, **measure_slice(config, job.model)}


def _export(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.EXPORT, **export_slice(config, job.model, job.size)}


def _bm25(config: Config, paths: RunPaths, job: Job) -> Reads:
    track = job.wildcards["track"]
    parts = {name: bm25_slice(config, track, name) for name in config.bm25_of(track)}
    return {"version": versions.EVALUATE, **parts}


def _comparison(config: Config, paths: RunPaths, job: Job) -> Reads:
    return {"version": versions.COMPARE, **comparison_slice(config)}


READS: dict[str, Callable[[Config, RunPaths, Job], Reads]] = {
    "fetch_dataset": _dataset,
    "fetch_checkpoint": _checkpoint,
    "find_leakage": _leakage,
    "pretrain_backbone": _backbone,
    "finetune_model": _model,
    "embed_texts": _texts,
    "embed_shard": _shard,
    "search_shard": _search,
    "score_model": _scores,
    "score_bits": _bits,
    "score_asymmetric": _asymmetric,
    "measure_model": _costs,
    "export_model": _export,
    "score_bm25": _bm25,
    "compare_systems": _comparison,
}
"""What the jobs of a rule depend on. `collect_scores` and `collect_costs` only put together."""
