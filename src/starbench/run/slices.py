"""Which part of a config each kind of job depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.config.resolved import finetuning_of, objective_of
from starbench.objectives import PRETRAINING_OBJECTIVES
from starbench.sizes import widest_dim_by_layer

if TYPE_CHECKING:
    from starbench.config.config import Config

from starbench.run.models import Model

UNSEEN_KEYS = ("checkpoint_every", "log_every", "log_to", "workers")
"""Keys of a training that its result does not depend on: changing them reruns nothing."""


def finetuning_slice(config: Config, model: Model, seed: int) -> dict[str, Any]:
    """Return the part of the config that a model's fine-tuning depends on, as JSON values."""
    settings = finetuning_of(config, model.system, model.track)
    objective = objective_of(config, model.system, model.track)
    trained = settings.model_dump()
    for key in UNSEEN_KEYS:
        trained.pop(key)
    section = config.tracks[model.track]  # type: ignore[index]
    if objective.trains and section.leakage == "drop":
        trained["left_out"] = section.scored
    if not objective.trains:
        trained = {key: trained[key] for key in ("pooling", "max_length", "similarity")}
    return {
        "objective": objective.model_dump(),
        "sizes": [str(size) for size in model.sizes] if objective.reads_sizes else [],
        "finetuning": trained,
        "seed": seed,
    }


def embedding_slice(config: Config, model: Model) -> dict[str, Any]:
    """Return the part of the config that a model's embeddings depend on, as JSON values."""
    section = config.tracks[model.track].embedding  # type: ignore[index]
    trained = finetuning_of(config, model.system, model.track)
    longest = section.max_length or trained.max_length
    return {
        "precision": section.precision,
        "dtype": section.dtype,
        "max_length": longest,
        "query_max_length": section.query_max_length or trained.query_max_length or longest,
        "widths": widest_dim_by_layer(model.cells),
    }


def scoring_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that a model's scores depend on, as JSON values."""
    part: dict[str, Any] = {"scored": [f"{system} {size}" for system, size in model.scored()]}
    section = config.tracks[model.track]  # type: ignore[index]
    source = config.datasets[dataset]
    if source.kind == "collection":
        part |= source.model_dump(include={"leave_out_query", "ties", "rr"})
        part["search"] = section.searching.model_dump(exclude={"bm25"})
        part["similarity"] = finetuning_of(config, model.system, model.track).similarity
        part["sizes"] = [str(size) for size in model.sizes]
    return part


def searching_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that the search of a shard depends on, as JSON values."""
    source = config.datasets[dataset]
    return {
        "cells": [str(cell) for cell in model.cells],
        "depth": config.tracks["retrieval"].searching.depth,
        "similarity": finetuning_of(config, model.system, model.track).similarity,
        **source.model_dump(include={"leave_out_query", "ties"}),
    }


def comparison_slice(config: Config) -> dict[str, Any]:
    """Return the part of the config that the tests of significance depend on, as JSON values."""
    tasks = [task for track in config.tracks.values() for task in track.scored]
    return {
        "systems": list(config.systems),
        "compared_system": config.compared_system,
        "sizes": [str(size) for size in config.trained_sizes],
        "metrics": {task: getattr(config.datasets[task], "metric", None) for task in tasks},
        "resamples": config.report.resamples,
    }


def floor_slice(config: Config, dataset: str) -> dict[str, Any]:
    """Return the part of the config that BM25's scores depend on, as JSON values."""
    source = config.datasets[dataset]
    return {
        "seeds": config.seeds,
        "search": config.tracks["retrieval"].searching.model_dump(exclude={"adaptive"}),
        **source.model_dump(include={"leave_out_query", "ties", "rr"}),
    }


def pretraining_slice(config: Config, backbone: str, seed: int) -> dict[str, Any]:
    """Return the part of the config that a backbone's training depends on, as JSON values."""
    section = config.backbones[backbone]
    assert section.pretraining is not None
    trained = section.pretraining.model_dump()
    for key in UNSEEN_KEYS:
        trained.pop(key)
    objective = PRETRAINING_OBJECTIVES[section.pretraining.objective]
    return {
        "backbone": backbone,
        "architecture": section.architecture.model_dump() if section.architecture else None,
        "pretraining": trained,
        "sizes": [str(size) for size in config.trained_sizes] if objective.all_sizes else [],
        "seed": seed,
    }
