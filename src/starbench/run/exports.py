"""What can be exported of a run: the model that a size of a system is cut from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from starbench.config.export import Export
from starbench.errors import InputError, did_you_mean
from starbench.objectives.checks import summands_of
from starbench.objectives.summands import Step
from starbench.run.models import Model, models_of
from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.config.config import Config

DRAWS = 1000
"""Steps that are looked at, as of a training of so many, to know which sizes it trains."""


@dataclass(frozen=True)
class Exported:
    """One size of one model with one seed."""

    model: Model
    seed: int
    size: Size


def formats_of(config: Config) -> Export:
    """Return the section `export`, or its defaults where the config has none."""
    return config.export or Export()


def wanted_exports(config: Config) -> list[Exported]:
    """Return what the section `export` asks for; nothing without the section."""
    wanted = config.export
    if wanted is None:
        return []
    sizes = [asked_size(config, text) for text in wanted.sizes or []] or config.trained_sizes
    found = [
        one
        for track in wanted.tracks or config.tracks
        for system in wanted.systems or [config.compared_system]
        for size in sizes
        for seed in wanted.seeds or config.seeds[:1]
        for one in [_with_seed(config, track, system, size, seed)]
    ]
    return list(dict.fromkeys(found))


def possible_exports(config: Config, model: Model) -> list[Size]:
    """Return the trained sizes that a model is scored at: each can be exported by a job."""
    if model.cut != "prefix":
        return []
    return [cell for cell in model.cells if cell in config.trained_sizes]


def asked_size(config: Config, text: str) -> Size:
    """Return the size that a name (`short`), `2/32` or `n2-d32` stands for.

    Raises InputError for a text that is none.
    """
    named = {config.size_label(size): size for size in config.trained_sizes}
    if text in named:
        return named[text]
    found = re.fullmatch(r"n([1-9]\d{0,5})-d([1-9]\d{0,5})|([1-9]\d{0,5})/([1-9]\d{0,5})", text)
    if found is None:
        valid = [*named, *map(str, config.trained_sizes)]
        raise InputError(f"no size '{text}'{did_you_mean(text, valid)}")
    layers, dim = (int(number) for number in found.groups() if number is not None)
    return Size(layers, dim)


def model_of_size(config: Config, track: str, system: str, size: Size) -> Model:
    """Return the model that a size of a system is cut from: its own where it has one.

    A system with one model for all sizes can be cut to any; whether that is trained is not looked
    at. Raises InputError for a size that no model of the system is for.
    """
    models = models_of(config, track)
    scored = [model for model in models if (system, size) in model.scored()]
    own = [model for model in models if model.system == system]
    if scored:
        return scored[0]
    if own and not own[0].objective.per_size:
        return own[0]
    sizes = [str(cell) for model in models for name, cell in model.scored() if name == system]
    raise InputError(
        f"system '{system}' has a model for each size, and none for {size}: "
        f"it has {', '.join(sizes)}"
    )


def asked_exports(
    config: Config, system: str, sizes: list[Size], tracks: list[str], seed: int | None
) -> list[Exported]:
    """Return the exports of some sizes of a system, with one seed (None: the first one).

    Raises InputError for a size that the system has no model for, or a seed that a model has not.
    """
    found = [
        _with_seed(config, track, system, size, config.seeds[0] if seed is None else seed)
        for track in tracks
        for size in sizes
    ]
    for one in found:
        if seed not in (None, one.seed):
            raise InputError(
                f"no seed changes model '{one.model.name}': it is made once, with {one.seed}"
            )
    return found


def _with_seed(config: Config, track: str, system: str, size: Size, seed: int) -> Exported:
    """Return an export; a model that no seed changes is the one that was made for all.

    Raises InputError for a system whose sizes are not the first dimensions.
    """
    model = model_of_size(config, track, system, size)
    if model.cut != "prefix":
        raise InputError(
            f"system '{system}' is cut by {model.cut}, a control: only a size of the first "
            "dimensions is exported"
        )
    return Exported(model, seed if seed in model.seeds else model.seeds[0], size)


def sizes_trained(model: Model, full: Size) -> list[Size]:
    """Return the sizes that a model's training has a loss at or pulls to another, ascending.

    Args:
        model: a model of the run.
        full: its own layers and dimensions.
    """
    if not model.objective.trains:
        return []
    objective, sizes = model.objective, model.sizes
    steps = (
        Step(sizes, full, number, DRAWS, np.random.default_rng(number)) for number in range(DRAWS)
    )
    summands = (summand for step in steps for summand in summands_of(objective, step))
    return sorted({size for summand in summands for size in summand.trains})
