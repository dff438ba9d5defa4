"""Checks of systems that are built on others: by starting from their models, or taught by one."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from starbench.config.mismatch import ConfigMismatchError, known
from starbench.config.resolved import backbone_of, starts_of, systems_read, teacher_of, use_of
from starbench.config.training import Finetuning
from starbench.objectives import OBJECTIVES

if TYPE_CHECKING:
    from starbench.config.config import Config

Location = tuple[str | int, ...]


def check_starts(config: Config, system: str) -> None:
    """Raise ConfigMismatchError for a system that cannot be built on those that it names."""
    for other in starts_of(config, system):
        at: Location = ("systems", system, "start")
        if not isinstance(config.systems[system].start, str):
            at = (*at, other)
        _check_other(config, system, other, at)
        for track in config.tracks:
            own, found = (backbone_of(config, name, track) for name in (system, other))
            if own != found:
                raise ConfigMismatchError(
                    at, f"'{other}' has the backbone '{found}' on track {track}, this one '{own}'"
                )
    for track in config.tracks:
        teacher = teacher_of(config, system, track)
        if teacher is None:
            continue
        override = config.systems[system].overrides.get(track)
        is_own = override is not None and "teacher" in override.finetuning
        above = ("systems", system, "overrides", track) if is_own else ("tracks", track)
        at = (*above, "finetuning", "teacher")
        _check_other(config, system, teacher, (*at, "system"))
        use = use_of(config, system, track)
        assert isinstance(use, Finetuning)
        if use.loss != "mnrl":
            raise ConfigMismatchError(at, "is for the loss mnrl")


def check_order(config: Config) -> None:
    """Raise ConfigMismatchError for systems of which each needs the other first."""
    for track in config.tracks:
        needs = {system: systems_read(config, system, track) for system in config.systems}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            circle = error.args[1]
            text = f"on track {track} it needs itself first: {' <- '.join(circle)}"
            raise ConfigMismatchError(("systems", circle[0]), text) from None


def _check_other(config: Config, system: str, other: str, at: Location) -> None:
    known(other, config.systems, at, "system")
    if other == system:
        raise ConfigMismatchError(at, "is the system itself")
    objective = OBJECTIVES[config.systems[other].objective]
    if objective.per_size:
        raise ConfigMismatchError(at, f"'{other}' has one model per size: needed is one for all")
    if not objective.trains and config.systems[other].start is None:
        raise ConfigMismatchError(at, f"'{other}' is not trained")
