"""A system's settings on a track: defaults, then the track's, then its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.config.training import Finetuning, Use
from starbench.objectives import OBJECTIVES
from starbench.objectives.objective import Objective

if TYPE_CHECKING:
    from starbench.config.config import Config


def backbone_of(config: Config, system: str, track: str) -> str:
    """Return the backbone of a system on a track: the system's, or the track's own."""
    override = config.systems[system].overrides.get(track)
    own = override.backbone if override is not None else None
    return own or config.systems[system].backbone


def backbones_of(config: Config, system: str) -> list[str]:
    """Return the backbones of a system, each once: one, unless its tracks differ in it."""
    return list(dict.fromkeys(backbone_of(config, system, track) for track in config.tracks))


def seeds_of(config: Config, backbone: str) -> list[int]:
    """Return the seeds that a backbone's pre-training runs with: the run's, or its own one."""
    pretraining = config.backbones[backbone].pretraining
    own = pretraining.seed if pretraining is not None else None
    return list(config.seeds) if own is None else [own]


def starts_of(config: Config, system: str) -> dict[str, float]:
    """Return {system: share} of the models that a system starts from; empty: from its backbone.

    Shares add up to 1.
    """
    given = config.systems[system].start
    if given is None:
        return {}
    shares = {given: 1.0} if isinstance(given, str) else given
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def teacher_of(config: Config, system: str, track: str) -> str | None:
    """Return the system that teaches another one on a track, if one does."""
    use = use_of(config, system, track)
    if not OBJECTIVES[config.systems[system].objective].trains:
        return None
    return use.teacher.system if isinstance(use, Finetuning) and use.teacher is not None else None


def systems_read(config: Config, system: str, track: str) -> list[str]:
    """Return the systems whose models a system's training reads: its starts, and its teacher."""
    teacher = teacher_of(config, system, track)
    read = [*starts_of(config, system), *([teacher] if teacher is not None else [])]
    return list(dict.fromkeys(read))


def objective_of(config: Config, system: str, track: str) -> Objective:
    """Return a system's objective on a track: defaults, then the track's, then its own options."""
    name = config.systems[system].objective
    section = config.tracks[track]
    options: dict[str, Any] = {"objective": name}
    for given in section.objectives:
        if given.name == name:
            options |= given.model_dump(exclude_unset=True)
    override = config.systems[system].overrides.get(track)
    if override is not None:
        options |= override.options
    return OBJECTIVES[name].model_validate(options)


def use_of(config: Config, system: str, track: str) -> Use:
    """Return how a system embeds and, where it is trained, how: the track's section and its own.

    It is a `Finetuning` wherever the track has such a section.
    """
    section = config.tracks[track].finetuning
    override = config.systems[system].overrides.get(track)
    if section is None:
        return Use.model_validate({} if override is None else override.finetuning)
    if override is None:
        return section
    values = section.model_dump() | override.finetuning
    if "steps" in override.finetuning:
        values["epochs"] = None
    elif "epochs" in override.finetuning:
        values["steps"] = None
    return type(section).model_validate(values)
