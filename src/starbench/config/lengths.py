"""The lengths in tokens that a config asks of the encoders that come from one backbone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starbench.config.resolved import backbone_of, use_of

if TYPE_CHECKING:
    from starbench.config.config import Config

Asked = tuple[tuple[str, ...], int]
"""A key of the config, and the tokens that it asks for."""

KEYS = ("max_length", "query_max_length")


def origin_of(config: Config, backbone: str) -> str:
    """Return the backbone that a backbone, perhaps over others, starts from: it has no `start`."""
    while (start := config.backbones[backbone].start) is not None:
        backbone = start
    return backbone


def pretrained_from(config: Config, origin: str) -> list[str]:
    """Return the backbones that are pre-trained from one that has no `start`, itself included."""
    return [
        name
        for name, backbone in config.backbones.items()
        if backbone.pretraining is not None and origin_of(config, name) == origin
    ]


def asked_lengths(config: Config, origin: str) -> Iterator[Asked]:
    """Yield every length that is asked of a backbone without a `start` and of what it becomes."""
    for name in pretrained_from(config, origin):
        pretraining = config.backbones[name].pretraining
        assert pretraining is not None
        yield ("backbones", name, "pretraining", "max_length"), pretraining.max_length
    for track, section in config.tracks.items():
        systems = [
            system
            for system in config.systems
            if origin_of(config, backbone_of(config, system, track)) == origin
        ]
        for system in systems:
            yield from _own_lengths(config, system, track)
        if systems:
            for key in KEYS:
                if (length := getattr(section.embedding, key)) is not None:
                    yield ("tracks", track, "embedding", key), length
            yield from _dataset_lengths(config, section.scored)


def _own_lengths(config: Config, system: str, track: str) -> Iterator[Asked]:
    settings = use_of(config, system, track)
    override = config.systems[system].overrides.get(track)
    own = override.finetuning if override is not None else {}
    for key in KEYS:
        if (length := getattr(settings, key)) is not None:
            above = ("systems", system, "overrides", track) if key in own else ("tracks", track)
            yield (*above, "finetuning", key), length


def _dataset_lengths(config: Config, scored: list[str]) -> Iterator[Asked]:
    corpora = [corpus for name in scored if (corpus := config.datasets[name].corpus) is not None]
    for name in dict.fromkeys([*scored, *corpora]):
        for key in KEYS:
            if (length := getattr(config.datasets[name], key)) is not None:
                yield ("datasets", name, key), length
