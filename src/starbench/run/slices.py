"""Which part of a config each kind of job depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.config.export import Export
from starbench.config.training import Finetuning, Training, warmup_steps
from starbench.objectives import OBJECTIVES, PRETRAINING_OBJECTIVES
from starbench.plugins.found import recorded
from starbench.run.bits import funnel_sizes, rescored_bits, scored_bits
from starbench.run.held_back import KEY, held_back_share
from starbench.run.measured import measure_plugins, more_measures
from starbench.run.models import Model
from starbench.run.plugins import family_plugin
from starbench.run.prompts import ROLES, TASK_ROLES, asked_prompt
from starbench.run.texts import with_corpora
from starbench.section import Section
from starbench.sizes import Size, widest_dim_by_layer
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config

UNSEEN_KEYS = ("checkpoint_every", "log_every", "log_to", "max_skipped", "workers", "seed")
"""Keys of a training that its result does not depend on: changing them reruns nothing.

A slice has the seed of its job beside them."""

IMPLIED = {
    "warmup_rounding": "nearest",
    "mask_budget": "words",
    "mask_unknown": True,
    "random_tokens": "ordinary",
    "passage_choice": "drawn",
    "mask_right_answers": True,
    "last_batch": "filled",
    "bf16_scores": False,
    "pairs": "listed",
    "family": "bert",
    "bag_of_words_weight": None,
    "head_learning_rate": None,
    "weights": "float32",
    "guide": None,
    "teacher": None,
    "full_weight": 1.0,
}
"""Keys that are left out of a slice where they have this value, which is what results were made
with before there was a key: such a result still counts as one of the same work."""


WITHOUT_CHECKPOINT = {"pooling": "mean", "similarity": "cosine"}
"""How a model embeds and compares where neither a checkpoint nor the config says so."""


def finetuning_slice(config: Config, model: Model, seed: int) -> dict[str, Any]:
    """Return the part of the config that a model's fine-tuning depends on, as JSON values."""
    settings, objective = model.use, model.objective
    trained = _told(settings)
    if not objective.trains:
        trained = {key: trained[key] for key in ("pooling", "max_length", "similarity")}
    elif config.datasets[model.finetuning.datasets[0]].kind != "training-queries":
        for key in ("passage_choice", "mask_right_answers"):
            trained.pop(key, None)
    section, backbone = config.tracks[model.track], config.backbones[model.backbone]
    if objective.trains and model.finetuning.loss == "softmax":
        trained[KEY] = held_back_share(config, model.track)
    if objective.trains and section.leakage == "drop":
        trained["left_out"] = section.scored
    if backbone.checkpoint is None or backbone.pretraining is not None:
        trained |= {key: trained[key] or default for key, default in WITHOUT_CHECKPOINT.items()}
    if backbone.prompts:
        trained["prompts"] = dict(backbone.prompts)
    guided = [] if model.guide is None else [family_plugin(config, model.guide)]
    if model.guide is not None and config.backbones[model.guide].prompts:
        trained["guide_prompts"] = dict(config.backbones[model.guide].prompts)
    return {
        "objective": _told(objective),
        "sizes": [str(size) for size in model.sizes] if objective.reads_sizes else [],
        "finetuning": trained,
        "seed": seed,
        **({"start": dict(model.starts)} if model.starts else {}),
        **recorded(
            OBJECTIVES.plugin(objective.name), family_plugin(config, model.backbone), *guided
        ),
    }


def _told(section: Section) -> dict[str, Any]:
    """Return the keys of a section that the result of a training depends on."""
    values = section.model_dump()
    if isinstance(section, Training) and section.steps is not None:
        nearest = section.model_copy(update={"warmup_rounding": "nearest"})
        if warmup_steps(section, section.steps) == warmup_steps(nearest, section.steps):
            values["warmup_rounding"] = "nearest"
    if isinstance(section, Finetuning):
        values["passage_choice"] = "cycled" if section.cycles_passages else "drawn"
        values["mask_right_answers"] = section.masks_right_answers
    return {
        key: value
        for key, value in values.items()
        if key not in UNSEEN_KEYS and (key not in IMPLIED or value != IMPLIED[key])
    }


def embedding_slice(config: Config, model: Model) -> dict[str, Any]:
    """Return the part of the config that a model's embeddings depend on, as JSON values.

    Lengths of single collections are there only where the config has some.
    """
    section = config.tracks[model.track].embedding
    trained = model.use
    longest = section.max_length or trained.max_length
    part: dict[str, Any] = {
        "precision": section.precision,
        "dtype": section.dtype,
        "max_length": longest,
        "query_max_length": section.query_max_length or trained.query_max_length or longest,
        "widths": widest_dim_by_layer(model.cells),
        **recorded(family_plugin(config, model.backbone)),
    }
    if model.cut != "prefix":
        part["cut"] = model.cut
    datasets = with_corpora(config, config.tracks[model.track].scored)
    own = {name: lengths for name in datasets if (lengths := _own_lengths(config, name))}
    return part | ({"lengths": own} if own else {})


def text_set_slice(config: Config, model: Model, dataset: str, part: str) -> dict[str, Any]:
    """Return the part of the config that the embeddings of one set of texts depend on.

    Args:
        config: the run's config.
        model: whose embeddings they are.
        dataset: the dataset that the texts are of.
        part: `pairs`, `queries`, `passages`, `texts` or `task`.
    """
    shared = embedding_slice(config, model)
    shared.pop("lengths", None)
    key = "query_max_length" if part == "queries" else "max_length"
    own = _own_lengths(config, dataset)
    if part == "task":
        asked = {role: asked_prompt(config, model, dataset, role) for role in TASK_ROLES}
        told = {role: prompt for role, prompt in asked.items() if prompt is not None}
        return shared | ({"prompts": told} if told else {})
    prompt = asked_prompt(config, model, dataset, ROLES[part])
    return (
        shared
        | ({key: own[key]} if key in own else {})
        | ({} if prompt is None else {"prompt": prompt})
    )


def _own_lengths(config: Config, dataset: str) -> dict[str, int]:
    lengths = config.datasets[dataset].model_dump(include={"max_length", "query_max_length"})
    return {key: length for key, length in lengths.items() if length is not None}


def scoring_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that a model's scores depend on, as JSON values."""
    part: dict[str, Any] = {"scored": [f"{system} {size}" for system, size in model.scored()]}
    if model.seeds != tuple(config.seeds):
        part["seeds"] = config.seeds
    section = config.tracks[model.track]
    source = config.datasets[dataset]
    if source.kind == "collection":
        part |= source.model_dump(include={"leave_out_query", "ties", "rr"})
        part["search"] = section.searching.model_dump(exclude={"bm25"})
        part["similarity"] = _similarity(config, model)
        part["sizes"] = [str(size) for size in model.sizes]
    if KEY in TRACKS[model.track].keys:
        part |= {"examples": source.examples, KEY: held_back_share(config, model.track)}
        part["sizes"] = [str(size) for size in config.trained_sizes]
    return part | _measured(config, model.track, dataset)


def _searching_again(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return what another search of the same embeddings depends on: all but adaptive retrieval."""
    part = scoring_slice(config, model, dataset)
    if "search" in part:
        part["search"] = {key: v for key, v in part["search"].items() if key != "adaptive"}
    return part


def asymmetric_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that scores of small queries depend on, as JSON values."""
    cells = [str(cell) for cell in model.cells]
    return _searching_again(config, model, dataset) | {"asymmetric": cells}


def bits_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that scores with fewer bits depend on, as JSON values."""
    options, part = config.tracks[model.track].bits, _searching_again(config, model, dataset)
    assert options is not None
    resolved = {
        "scored": scored_bits(config, model.track),
        "rescored": rescored_bits(config, model.track),
        "sizes": [str(size) for size in funnel_sizes(config, model.track)],
    }
    return part | {"bits": options.model_dump() | resolved}


def _measured(config: Config, track: str, dataset: str) -> dict[str, Any]:
    """Return what scores depend on beyond what is always measured, by Starbench's own code."""
    more = more_measures(config, track, dataset)
    plugins = recorded(TRACKS.plugin(track), *measure_plugins(more))
    return ({"measures": more} if more else {}) | plugins


def searching_slice(config: Config, model: Model, dataset: str) -> dict[str, Any]:
    """Return the part of the config that the search of a shard depends on, as JSON values."""
    source = config.datasets[dataset]
    return {
        "cells": [str(cell) for cell in model.cells],
        "depth": config.tracks[model.track].searching.depth,
        "similarity": _similarity(config, model),
        **source.model_dump(include={"leave_out_query", "ties"}),
    }


def _similarity(config: Config, model: Model) -> str | None:
    """Return the similarity that the config asks for; None: that of the model's checkpoint."""
    return finetuning_slice(config, model, model.seeds[0])["finetuning"]["similarity"]


def export_slice(config: Config, model: Model, size: Size) -> dict[str, Any]:
    """Return the part of the config that an exported size depends on, as JSON values."""
    formats = config.export or Export()
    scored = config.tracks[model.track].scored
    return {
        "size": str(size),
        "onnx": formats.onnx,
        "int8": formats.onnx and formats.int8,
        **({"weights": formats.weights} if formats.weights != "float32" else {}),
        "shown": {
            "title": config.title,
            "system": config.display("systems", model.system),
            "sizes": [section.model_dump() for section in config.sizes],
            "datasets": {name: config.display("datasets", name) for name in scored},
        },
        **recorded(family_plugin(config, model.backbone)),
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
        **({"bits": bits} if (bits := _bits_of_tracks(config)) else {}),
        **recorded(*map(TRACKS.plugin, config.tracks)),
    }


def _bits_of_tracks(config: Config) -> dict[str, list[str]]:
    """Return the representations that are compared with what is stored, of tracks with some."""
    return {track: bits for track in config.tracks if (bits := scored_bits(config, track))}


def bm25_slice(config: Config, track: str, dataset: str) -> dict[str, Any]:
    """Return the part of the config that BM25's scores depend on, as JSON values."""
    source = config.datasets[dataset]
    return {
        "seeds": config.seeds,
        "search": config.tracks[track].searching.model_dump(exclude={"adaptive"}),
        **source.model_dump(include={"leave_out_query", "ties", "rr"}),
        **_measured(config, track, dataset),
    }


def pretraining_slice(config: Config, backbone: str, seed: int) -> dict[str, Any]:
    """Return the part of the config that a backbone's training depends on, as JSON values."""
    section = config.backbones[backbone]
    assert section.pretraining is not None
    trained = _told(section.pretraining)
    objective = PRETRAINING_OBJECTIVES[section.pretraining.objective]
    return {
        "backbone": backbone,
        "architecture": _told(section.architecture) if section.architecture else None,
        "pretraining": trained,
        "sizes": [str(size) for size in config.trained_sizes] if objective.all_sizes else [],
        "seed": seed,
        **recorded(
            PRETRAINING_OBJECTIVES.plugin(section.pretraining.objective),
            family_plugin(config, backbone),
        ),
    }
