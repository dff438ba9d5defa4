"""A system's settings on a track: defaults, then the track's, then its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.objectives import OBJECTIVES
from starbench.objectives.objective import Objective

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.config.training import Finetuning


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
