"""The jobs of a run: its models, datasets and backbones, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable

from starbench.config.config import Config
from starbench.config.resolved import backbones_of
from starbench.run.models import all_models

STAGES = ("data", "pretrain", "finetune", "embed", "evaluate", "report")


def used_datasets(config: Config) -> list[str]:
    """Return the datasets that the run reads, each after the one whose passages it shares."""
    used: list[str] = []
    for name in used_backbones(config):
        pretraining = config.backbones[name].pretraining
        used += pretraining.datasets if pretraining else []
    for model in all_models(config):
        used += model.datasets(config)
    for track in config.tracks.values():
        used += track.scored
    return with_corpora(config, used)


def with_corpora(config: Config, names: Iterable[str]) -> list[str]:
    """Return datasets after the collections whose passages they share, each once."""
    names = list(names)
    corpora = (config.datasets[name].corpus for name in names)
    return list(dict.fromkeys([*(name for name in corpora if name), *names]))


def data_names(config: Config, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the jobs that fetch datasets and what they share."""
    return tuple(f"data/{name}" for name in with_corpora(config, names))


def used_backbones(config: Config) -> list[str]:
    """Return the backbones that models are made from, each after the one it starts from."""
    used: dict[str, None] = {}
    for backbone in (name for system in config.systems for name in backbones_of(config, system)):
        chain: list[str] = []
        name: str | None = backbone
        while name is not None:
            chain.append(name)
            name = config.backbones[name].start
        used |= dict.fromkeys(reversed(chain))
    return list(used)


def backbone_name(config: Config, backbone: str, seed: int) -> str:
    """Return the name of the job that a backbone comes from."""
    if config.backbones[backbone].pretraining is None:
        return f"checkpoints/{backbone}"
    return f"backbones/{backbone}/seed-{seed}"
