"""Checks across sections of the config: names that exist, sizes that grow, kinds that fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import ValidationError

from starbench.config.backbone_checks import check_backbone, check_positions, check_prompts
from starbench.config.bits_checks import wrong_bits
from starbench.config.collisions import name_collision
from starbench.config.measure_checks import check_measure
from starbench.config.measures import wrong_measures
from starbench.config.messages import told_problem
from starbench.config.mismatch import ConfigMismatchError, check_length, known, of_kind
from starbench.config.names import FITTED_CUTS
from starbench.config.resolved import backbone_of, objective_of, use_of
from starbench.config.start_checks import check_order, check_starts
from starbench.config.training import Finetuning
from starbench.objectives import OBJECTIVES
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.config.search import Search
    from starbench.config.training import Use
    from starbench.objectives.objective import Objective

LOSS_KINDS = {
    "mnrl": ("triplets", "anchor-positive", "training-queries"),
    "cosent": ("pairs",),
    "softmax": ("labelled",),
}


def check_config(config: Config) -> None:
    """Raise ConfigMismatchError for the first thing that does not fit together."""
    _check_sizes(config)
    for name in config.datasets:
        _check_dataset(config, name)
    for name in config.backbones:
        check_backbone(config, name)
    for track in config.tracks:
        _check_track(config, track)
    for name in config.systems:
        _check_system(config, name)
    for name in config.systems:
        check_starts(config, name)
    check_order(config)
    for name in config.backbones:
        check_positions(config, name)
    for stage in type(config.compute).model_fields:
        _check_compute(config, stage)
    for name in config.backbones:
        check_prompts(config, name)
    _check_report(config)
    _check_export(config)
    check_measure(config)
    for index, seed in enumerate(config.seeds):
        if seed in config.seeds[:index]:
            raise ConfigMismatchError(("seeds", index), f"seed {seed} is listed twice")
    collision = name_collision(config)
    if collision is not None:
        raise ConfigMismatchError(*collision)


def _check_report(config: Config) -> None:
    given, at = config.report, ("report",)
    if given.compared_system is not None:
        known(given.compared_system, config.systems, (*at, "compared_system"), "system")
    for index, name in enumerate(given.systems or []):
        known(name, config.systems, (*at, "systems", index), "system")
    if given.systems and config.compared_system not in given.systems:
        raise ConfigMismatchError(
            (*at, "systems"),
            f"'{config.compared_system}' is missing, with which the others are compared: list it, "
            "or set compared_system to one that is listed",
        )
    _check_size_names(config, given.sizes, (*at, "sizes"))


def _check_export(config: Config) -> None:
    given, at = config.export, ("export",)
    if given is None:
        return
    for index, name in enumerate(given.systems or []):
        known(name, config.systems, (*at, "systems", index), "system")
    for index, track in enumerate(given.tracks or []):
        known(track, config.tracks, (*at, "tracks", index), "track")
    for index, seed in enumerate(given.seeds or []):
        if seed not in config.seeds:
            listed = ", ".join(map(str, config.seeds))
            raise ConfigMismatchError(
                (*at, "seeds", index), f"the run has no seed {seed}, it has {listed}"
            )
    _check_size_names(config, given.sizes, (*at, "sizes"))
    if given.int8 and not given.onnx and "int8" in given.model_fields_set:
        raise ConfigMismatchError((*at, "int8"), "is made from the ONNX model: set onnx to true")


def _check_size_names(
    config: Config, names: Sequence[str] | None, at: tuple[str | int, ...]
) -> None:
    valid = {config.size_label(size) for size in config.trained_sizes}
    valid |= {f"{size.layers}/{size.dim}" for size in config.trained_sizes}
    for index, name in enumerate(names or []):
        known(name, valid, (*at, index), "trained size")


def _check_compute(config: Config, stage: str) -> None:
    asked = getattr(config.compute, stage)
    for key in ("memory_mb", "runtime_min"):
        most = getattr(asked, f"max_{key}", None)
        if most is not None and most < getattr(asked, key):
            raise ConfigMismatchError(
                ("compute", stage, f"max_{key}"), f"{most} is less than {key} {getattr(asked, key)}"
            )


def _check_sizes(config: Config) -> None:
    sizes = config.trained_sizes
    for index, (before, after) in enumerate(pairwise(sizes), start=1):
        if after.layers < before.layers or after.dim < before.dim or after == before:
            raise ConfigMismatchError(
                ("sizes", index),
                f"sizes must increase: layers {after.layers}, dim {after.dim} after "
                f"layers {before.layers}, dim {before.dim}",
            )
    names = [named.name for named in config.sizes]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            raise ConfigMismatchError(("sizes", index, "name"), f"the name '{name}' is used twice")


def _check_dataset(config: Config, name: str) -> None:
    source = config.datasets[name]
    _check_without(config, name)
    _check_examples(config, name)
    other = source.corpus
    if other is None:
        if source.rows is not None and source.shards > source.rows:
            raise ConfigMismatchError(
                ("datasets", name, "shards"),
                f"{source.shards} shards of at most {source.rows} passages (rows): some are empty",
            )
        return
    at = ("datasets", name, "corpus")
    known(other, config.datasets, at, "dataset")
    of_kind(config, other, ("collection",), at)
    if config.datasets[other].corpus is not None:
        raise ConfigMismatchError(at, f"'{other}' has no passages of its own")
    for key in ("shards", "shard_rows", "max_length"):
        if key in config.datasets[name].model_fields_set:
            raise ConfigMismatchError(
                ("datasets", name, key), f"the passages are those of '{other}': set it there"
            )


def _check_examples(config: Config, name: str) -> None:
    other, at = config.datasets[name].examples, ("datasets", name, "examples")
    if other is None:
        return
    known(other, config.datasets, at, "dataset")
    of_kind(config, other, ("labelled",), at)
    if other == name:
        raise ConfigMismatchError(at, "its texts would be classified by themselves")
    if config.datasets[other].examples is not None:
        raise ConfigMismatchError(at, f"'{other}' has `examples` of its own")


def _check_without(config: Config, name: str) -> None:
    for index, other in enumerate(config.datasets[name].without):
        at = ("datasets", name, "without", index)
        known(other, config.datasets, at, "dataset")
        if config.datasets[other].without:
            raise ConfigMismatchError(at, f"'{other}' has a list `without` of its own")
        if config.datasets[other].kind == "text":
            raise ConfigMismatchError(at, f"'{other}' is a text: it holds no pairs or queries")


def _check_track(config: Config, track: str) -> None:
    section = config.tracks[track]
    at = ("tracks", track)
    if section.finetuning is not None:
        check_length(section.finetuning, (*at, "finetuning"))
    before: set[str] = set()
    for key in ("tasks", "out_of_domain"):
        for index, task in enumerate(getattr(section, key)):
            known(task, config.datasets, (*at, key, index), "dataset")
            of_kind(config, task, (TRACKS[track].scores,), (*at, key, index))
            if "examples" in TRACKS[track].embeds and config.datasets[task].examples is None:
                where = ("datasets", task, "examples")
                raise ConfigMismatchError(where, f"is needed: track {track} classifies by it")
            if task in before:
                raise ConfigMismatchError((*at, key, index), f"'{task}' is listed twice")
            before.add(task)
    _check_own_keys(config, track)
    for mistake in (*wrong_measures(config, track), *wrong_bits(config, track)):
        raise ConfigMismatchError(*mistake)
    if TRACKS[track].searches:
        _check_adaptive(section.searching, at)
    given = [options.name for options in section.objectives]
    for index, objective in enumerate(given):
        if objective in given[:index]:
            raise ConfigMismatchError((*at, "objectives", index), f"'{objective}' is listed twice")


def _check_own_keys(config: Config, track: str) -> None:
    """Refuse keys that only other tracks have."""
    section = config.tracks[track]
    given = {
        "search": section.search is not None,
        "measures": bool(section.measures),
        "held_back": section.held_back is not None,
        "bits": section.bits is not None,
        "asymmetric": section.asymmetric,
        "embedding.query_max_length": section.embedding.query_max_length is not None,
    }
    for key, is_given in given.items():
        if is_given and key not in TRACKS[track].keys:
            having = [name for name, other in TRACKS.items() if key in other.keys]
            at = ("tracks", track, *key.split("."))
            what = "track" if len(having) == 1 else "tracks"
            raise ConfigMismatchError(at, f"is for the {what} {', '.join(having)}")


def _check_adaptive(search: Search, at: tuple[str | int, ...]) -> None:
    """Refuse shortlists that the search would cut: what is told of their cost would be wrong."""
    adaptive = search.adaptive
    if adaptive is None:
        return
    asked = {"shortlist": adaptive.shortlist, "funnel": max(adaptive.funnel)}
    for key in sorted(adaptive.model_fields_set):
        if asked[key] > search.depth:
            raise ConfigMismatchError(
                (*at, "search", "adaptive", key),
                f"{asked[key]} passages, but the search's depth is {search.depth}: at most so many",
            )


def _check_system(config: Config, name: str) -> None:
    system = config.systems[name]
    at = ("systems", name)
    known(system.backbone, config.backbones, (*at, "backbone"), "backbone")
    for track in config.tracks:
        over = (*at, "overrides", track)
        backbone = backbone_of(config, name, track)
        known(backbone, config.backbones, (*over, "backbone"), "backbone")
        try:
            use = use_of(config, name, track)
        except ValidationError as error:
            raise _mismatch((*over, "finetuning"), error) from None
        try:
            objective = objective_of(config, name, track)
        except ValidationError as error:
            raise _mismatch((*over, "options"), error) from None
        if system.cut in FITTED_CUTS and not isinstance(use, Finetuning):
            raise ConfigMismatchError(
                (*at, "cut"),
                f"{system.cut} is fitted on training texts, and track {track} has no `finetuning`",
            )
        if OBJECTIVES[system.objective].trains:
            _check_trained(config, name, track, use, objective)


def _check_trained(config: Config, system: str, track: str, use: Use, objective: Objective) -> None:
    at = ("tracks", track, "finetuning")
    if not isinstance(use, Finetuning):
        raise ConfigMismatchError(
            ("tracks", track), f"needs `finetuning`: system '{system}' is trained on it"
        )
    if use.loss != "mnrl" and (objective.scores_in_bf16 or objective.needs_scores):
        what = "`bf16_scores`" if objective.scores_in_bf16 else f"{objective.name}, as it is set,"
        text = f"{what} is for the loss mnrl, on track {track} it is {use.loss}"
        raise ConfigMismatchError(("systems", system), text)
    if objective.losses is not None and use.loss not in objective.losses:
        text = f"{objective.name} is for the loss {' or '.join(objective.losses)}"
        raise ConfigMismatchError(("systems", system), f"{text}, on track {track} it is {use.loss}")
    check_length(use, at)
    kinds = [kind for kind in LOSS_KINDS[use.loss] if kind in TRACKS[track].trains]
    if not kinds:
        listed = " or ".join(LOSS_KINDS[use.loss])
        text = f"{use.loss} is for datasets of kind {listed}, on which track {track} trains nothing"
        raise ConfigMismatchError((*at, "loss"), text)
    for index, name in enumerate(use.datasets):
        where = (*at, "dataset") if isinstance(use.dataset, str) else (*at, "dataset", index)
        known(name, config.datasets, where, "dataset")
        of_kind(config, name, kinds, where)
        first = config.datasets[use.datasets[0]].kind
        if config.datasets[name].kind != first:
            raise ConfigMismatchError(where, f"several datasets must be of one kind, here {first}")
        if name in use.datasets[:index]:
            raise ConfigMismatchError(where, f"'{name}' is listed twice")
    _check_finetuning(config, use, at)


def _mismatch(at: tuple[str | int, ...], error: ValidationError) -> ConfigMismatchError:
    location, text = told_problem(error.errors()[0])
    return ConfigMismatchError((*at, *location), text)


def _check_finetuning(config: Config, given: Finetuning, at: tuple[str | int, ...]) -> None:
    if config.datasets[given.datasets[0]].kind != "training-queries":
        for key in ("negatives", "passage_choice", "mask_right_answers", "query_max_length"):
            if getattr(given, key) is not None:
                raise ConfigMismatchError((*at, key), "is for datasets of kind training-queries")
    usual = Finetuning.model_fields["temperature"].default
    if given.loss == "softmax" and given.temperature != usual:
        raise ConfigMismatchError((*at, "temperature"), "the loss softmax has no temperature")
    if given.loss != "softmax" and given.head_learning_rate is not None:
        raise ConfigMismatchError((*at, "head_learning_rate"), "is for the loss softmax")
    if given.guide is not None:
        known(given.guide.backbone, config.backbones, (*at, "guide", "backbone"), "backbone")
        if given.loss != "mnrl":
            raise ConfigMismatchError((*at, "guide"), "is for the loss mnrl")
    if given.loss == "cosent" and given.similarity == "dot":
        raise ConfigMismatchError((*at, "similarity"), "the loss cosent is of cosines")
