"""Which models a run trains, what each is trained with and which sizes it is scored at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starbench.errors import InputError, did_you_mean
from starbench.objectives.objective import Objective
from starbench.sizes import Size, grid_of, widest_dim_by_layer
from starbench.stages.finetune import OBJECTIVES
from starbench.stages.pretrain import PRETRAINING_OBJECTIVES

if TYPE_CHECKING:
    from starbench.config.config import Config, Finetuning


MODEL_FOLDER = "model"
"""The SentenceTransformer folder within a model's folder."""


UNSEEN_KEYS = ("checkpoint_every", "log_every", "log_to", "workers")
"""Keys of a training that its result does not depend on: changing them reruns nothing."""


@dataclass(frozen=True)
class Model:
    """One fine-tuned model of a track: a system, or one size of a system with one per size."""

    name: str
    system: str
    track: str
    sizes: tuple[Size, ...]
    """The sizes it is trained for, ascending."""
    cells: tuple[Size, ...]
    """The sizes it is scored at, ascending."""
    shared: tuple[str, ...] = ()
    """Systems with a model per size whose model of the full size is this one."""

    def scored(self) -> list[tuple[str, Size]]:
        """Return every (system, size) that this model gives a score."""
        own = [(self.system, cell) for cell in self.cells]
        return own + [(system, self.cells[-1]) for system in self.shared]


def models_of(config: Config, track: str) -> list[Model]:
    """Return every model of a track, in the order of the systems.

    At the full size, a model per size is the model that is trained at that size alone, where
    there is such a system on the same backbone: it is trained once and scored for both.
    """
    models = [m for system in config.systems for m in _system_models(config, system, track)]
    twins = {
        model.name: twin for model in models if (twin := _twin(config, model, models)) is not None
    }
    return [
        replace(model, shared=tuple(m.system for m in models if twins.get(m.name) == model.name))
        for model in models
        if model.name not in twins
    ]


def model_named(config: Config, track: str, name: str) -> Model:
    """Return one model of a track by its name; InputError if there is none."""
    models = {model.name: model for model in models_of(config, track)}
    if name not in models:
        raise InputError(f"no model '{name}' on track {track}{did_you_mean(name, models)}")
    return models[name]


def _system_models(config: Config, system: str, track: str) -> list[Model]:
    section = config.tracks[track]  # type: ignore[index]
    trained = config.trained_sizes
    objective = objective_of(config, system, track)
    if not objective.per_size:
        cells = grid_of(trained) if section.grid == "full" else trained
        return [Model(system, system, track, tuple(trained), tuple(cells))]
    cells = grid_of(trained) if section.separate_grid == "full" else trained
    return [
        Model(f"{system}-{group[-1]}", system, track, (group[-1],), tuple(group))
        for group in objective.groups(cells)
    ]


def _twin(config: Config, model: Model, models: list[Model]) -> str | None:
    """Return the name of the model of objective `single` that `model` would be equal to."""
    own = config.systems[model.system]
    if not OBJECTIVES[own.objective].per_size or model.cells != (config.full_size,):
        return None
    for other in models:
        system = config.systems[other.system]
        if (
            system.objective == "single"
            and system.backbone == own.backbone
            and config.full_size in other.cells
            and finetuning_of(config, other.system, model.track)
            == finetuning_of(config, model.system, model.track)
        ):
            return other.name
    return None


def objective_of(config: Config, system: str, track: str) -> Objective:
    """Return a system's objective on a track: defaults, then the track's, then its own options."""
    name = config.systems[system].objective
    section = config.tracks[track]  # type: ignore[index]
    options: dict[str, Any] = {"objective": name}
    for given in section.objectives:
        if given.name == name:
            options |= given.model_dump(exclude_unset=True)
    override = config.systems[system].overrides.get(track)  # type: ignore[call-overload]
    if override is not None:
        options |= override.options
    return OBJECTIVES[name].model_validate(options)


def finetuning_of(config: Config, system: str, track: str) -> Finetuning:
    """Return how a system is fine-tuned on a track: the track's section with its overrides."""
    section = config.tracks[track].finetuning  # type: ignore[index]
    override = config.systems[system].overrides.get(track)  # type: ignore[call-overload]
    if override is None:
        return section
    values = section.model_dump() | override.finetuning
    if "steps" in override.finetuning:
        values["epochs"] = None
    elif "epochs" in override.finetuning:
        values["steps"] = None
    return type(section).model_validate(values)


def finetuning_slice(config: Config, model: Model, seed: int) -> dict[str, Any]:
    """Return the part of the config that a model's fine-tuning depends on, as JSON values."""
    settings = finetuning_of(config, model.system, model.track)
    objective = objective_of(config, model.system, model.track)
    trained = settings.model_dump()
    for key in UNSEEN_KEYS:
        trained.pop(key)
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
