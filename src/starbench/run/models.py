"""Which models a run trains, what each is trained with and which sizes it is scored at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from starbench.config.names import FITTED_CUTS
from starbench.config.resolved import (
    backbone_of,
    objective_of,
    seeds_of,
    starts_of,
    systems_read,
    use_of,
)
from starbench.config.training import Finetuning, Use
from starbench.errors import InputError, did_you_mean
from starbench.objectives.objective import Objective
from starbench.sizes import Size, grid_of

if TYPE_CHECKING:
    from starbench.config.config import Config


MODEL_FOLDER = "model"
"""The SentenceTransformer folder within a model's folder."""


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
    backbone: str
    """What it is made from: a backbone of the config."""
    objective: Objective = field(hash=False)
    """What it is trained for, with the options of its system on its track."""
    use: Use = field(hash=False)
    """How it embeds and is trained: its track's settings, with what its system does otherwise."""
    seeds: tuple[int, ...]
    """The seeds that it is made with: the run's, or the first one alone where none changes it."""
    shared: tuple[str, ...] = ()
    """Systems with a model per size whose model of the full size is this one."""
    cut: str = "prefix"
    """What a size keeps of an embedding: the key `cut` of its system."""
    starts: tuple[tuple[str, float], ...] = ()
    """Models of the same track and seed whose average it starts from, each with its share;
    from its backbone if there are none."""
    built_on: tuple[str, ...] = ()
    """Models of the same track and seed that its training reads: its starts, and its teacher."""

    @property
    def finetuning(self) -> Finetuning:
        """How it is trained; only of a model that is, or whose track trains others."""
        assert isinstance(self.use, Finetuning)
        return self.use

    @property
    def has_several_depths(self) -> bool:
        """Whether it is scored with several numbers of layers, and not as a model per size."""
        return len({cell.layers for cell in self.cells}) > 1 and not self.objective.per_size

    def stands_for(self, config: Config, seed: int) -> list[int]:
        """Return the run's seeds whose scores are those of the model made with one of them."""
        return config.seeds if self.seeds != tuple(config.seeds) else [seed]

    def datasets(self, config: Config) -> list[str]:
        """Return the datasets that its training reads: none if nothing is trained."""
        if not self.objective.trains:
            return []
        section = config.tracks[self.track]
        return [*self.finetuning.datasets, *(section.scored if section.leakage == "drop" else [])]

    @property
    def guide(self) -> str | None:
        """The backbone that guides its training, if one does."""
        if not self.objective.trains or self.finetuning.guide is None:
            return None
        return self.finetuning.guide.backbone

    def backbones(self) -> list[str]:
        """Return the backbones that its fine-tuning reads: its own, and its guide."""
        return [self.backbone, *([self.guide] if self.guide is not None else [])]

    @property
    def teacher(self) -> str | None:
        """The model of the same track and seed that teaches it, if one does."""
        if not self.objective.trains or self.finetuning.teacher is None:
            return None
        return self.finetuning.teacher.system

    def fitted_on(self) -> list[str]:
        """Return the datasets whose texts its cut is fitted on: none for a cut that is not."""
        return self.finetuning.datasets if self.cut in FITTED_CUTS else []

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


def searched_asymmetrically(config: Config, track: str) -> list[str]:
    """Return the systems whose queries may have other layers than the passages."""
    if not config.tracks[track].asymmetric:
        return []
    return [model.system for model in models_of(config, track) if model.has_several_depths]


def all_models(config: Config) -> list[Model]:
    """Return every model of the run."""
    return [model for track in config.tracks for model in models_of(config, track)]


def in_order_of_training(models: Sequence[Model]) -> list[Model]:
    """Return the models of a run, each after those that its fine-tuning reads."""
    found = {(model.track, model.name): model for model in models}
    ordered: dict[Model, None] = {}

    def add(model: Model) -> None:
        for name in model.built_on:
            add(found[model.track, name])
        ordered.setdefault(model)

    for model in models:
        add(model)
    return list(ordered)


def model_named(config: Config, track: str, name: str) -> Model:
    """Return one model of a track by its name; InputError if there is none."""
    models = {model.name: model for model in models_of(config, track)}
    if name not in models:
        raise InputError(f"no model '{name}' on track {track}{did_you_mean(name, models)}")
    return models[name]


def _system_models(config: Config, system: str, track: str) -> list[Model]:
    section = config.tracks[track]
    trained = config.trained_sizes
    backbone = backbone_of(config, system, track)
    objective = objective_of(config, system, track)
    seeds = tuple(config.seeds)
    starts = tuple(starts_of(config, system).items())
    built_on = tuple(systems_read(config, system, track))
    if not objective.trains and not starts:
        as_it_is = config.backbones[backbone].pretraining is None
        seeds = seeds[:1] if as_it_is else tuple(seeds_of(config, backbone))
    use, cut = use_of(config, system, track), config.systems[system].cut

    def model(name: str, sizes: Sequence[Size], cells: Sequence[Size]) -> Model:
        return Model(
            name,
            system,
            track,
            tuple(sizes),
            tuple(cells),
            backbone,
            objective,
            use,
            seeds,
            cut=cut,
            starts=starts,
            built_on=built_on,
        )

    if not objective.per_size:
        return [model(system, trained, grid_of(trained) if section.grid == "full" else trained)]
    cells = grid_of(trained) if section.separate_grid == "full" else trained
    return [model(f"{system}-{group[-1]}", [group[-1]], group) for group in objective.groups(cells)]


def _twin(config: Config, model: Model, models: list[Model]) -> str | None:
    """Return the name of the model of the full size alone that `model` would be equal to."""
    if not model.objective.per_size or model.cells != (config.full_size,):
        return None
    for other in models:
        if (
            other.objective.full_size_only
            and other.backbone == model.backbone
            and config.full_size in other.cells
            and other.objective.scores_in_bf16 == model.objective.scores_in_bf16
            and other.use == model.use
            and other.cut == model.cut
            and other.starts == model.starts
        ):
            return other.name
    return None
