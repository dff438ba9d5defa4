"""Checks of a config's backbones against its other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starbench.config.lengths import asked_lengths
from starbench.config.mismatch import ConfigMismatchError, check_length, known, of_kind
from starbench.objectives import PRETRAINING_OBJECTIVES

if TYPE_CHECKING:
    from starbench.config.backbones import Backbone
    from starbench.config.config import Config
    from starbench.config.training import Pretraining


def check_backbone(config: Config, name: str) -> None:
    """Raise ConfigMismatchError for a backbone without one start, or a training that cannot be."""
    backbone = config.backbones[name]
    at = ("backbones", name)
    starts = [key for key in ("checkpoint", "architecture", "start") if getattr(backbone, key)]
    if len(starts) != 1:
        raise ConfigMismatchError(
            at,
            "give exactly one of checkpoint, architecture and start, got "
            f"{' and '.join(starts) or 'none'}",
        )
    if backbone.run == config.run:
        raise ConfigMismatchError((*at, "run"), "names this run itself")
    if backbone.pretraining is None:
        if backbone.run is not None:
            raise ConfigMismatchError((*at, "run"), "is for backbones with `pretraining`")
        if backbone.checkpoint is None:
            raise ConfigMismatchError(at, f"a backbone with `{starts[0]}` needs `pretraining`")
    else:
        check_length(backbone.pretraining, (*at, "pretraining"))
        for index, dataset in enumerate(backbone.pretraining.datasets):
            known(dataset, config.datasets, (*at, "pretraining", "datasets", index), "dataset")
            of_kind(config, dataset, ("text",), (*at, "pretraining", "datasets", index))
        asked = backbone.pretraining
        if asked.decoder_mask_rate < asked.encoder_mask_rate:
            given = asked.model_fields_set
            blamed = "encoder_mask_rate" if "encoder_mask_rate" in given else "decoder_mask_rate"
            raise ConfigMismatchError(
                (*at, "pretraining", blamed),
                f"{asked.encoder_mask_rate} is more than decoder_mask_rate "
                f"{asked.decoder_mask_rate}: the encoder's mask is a subset of the decoder's",
            )
        _check_decoder(asked, (*at, "pretraining", "decoder_mask_rate"))
        if asked.seed is not None and asked.seed not in config.seeds:
            raise ConfigMismatchError(
                (*at, "pretraining", "seed"),
                f"the run has no seed {asked.seed}, it has {', '.join(map(str, config.seeds))}",
            )
    _check_origin(config, name)
    if backbone.architecture is not None:
        _check_architecture(config, name)


def _check_decoder(asked: Pretraining, at: tuple[str | int, ...]) -> None:
    """Refuse a rate for a decoder that the objective has not, unless it is the default."""
    has_decoder = PRETRAINING_OBJECTIVES[asked.objective].autoencoder
    default = type(asked).model_fields["decoder_mask_rate"].default
    if not has_decoder and asked.decoder_mask_rate != default:
        having = [name for name, other in PRETRAINING_OBJECTIVES.items() if other.autoencoder]
        raise ConfigMismatchError(
            at, f"{asked.objective} has no decoder: it is for {', '.join(having)}"
        )


def _check_origin(config: Config, name: str) -> None:
    seen = [name]
    backbone: Backbone = config.backbones[name]
    while backbone.start is not None:
        known(backbone.start, config.backbones, ("backbones", seen[-1], "start"), "backbone")
        if backbone.start in seen:
            circle = " -> ".join([*seen, backbone.start])
            raise ConfigMismatchError(
                ("backbones", name, "start"), f"backbones in a circle: {circle}"
            )
        seen.append(backbone.start)
        backbone = config.backbones[backbone.start]


def _check_architecture(config: Config, name: str) -> None:
    made = config.backbones[name].architecture
    assert made is not None
    at = ("backbones", name, "architecture")
    if made.width % made.heads:
        raise ConfigMismatchError(
            (*at, "heads"), f"{made.heads} heads do not divide width {made.width}"
        )
    if made.family == "modernbert" and made.width // made.heads % 2:
        raise ConfigMismatchError(
            (*at, "heads"),
            f"{made.width // made.heads} dimensions a head (width {made.width}): modernbert turns "
            "them in pairs, so their number is even",
        )
    for index, size in enumerate(config.trained_sizes):
        if size.layers > made.layers:
            raise ConfigMismatchError(
                ("sizes", index, "layers"),
                f"{size.layers} layers, but backbone '{name}' has {made.layers}",
            )
        if size.dim > made.width:
            raise ConfigMismatchError(
                ("sizes", index, "dim"),
                f"{size.dim} dimensions, but backbone '{name}' has {made.width}",
            )


def check_prompts(config: Config, backbone: str) -> None:
    """Raise ConfigMismatchError for a prompt of no role and no dataset."""
    roles = ("query", "passage", "text")
    valid = [*roles, *config.datasets, *(f"{d}-{r}" for d in config.datasets for r in roles)]
    for name in config.backbones[backbone].prompts:
        known(name, valid, ("backbones", backbone, "prompts", name), "role or dataset")


def check_positions(config: Config, name: str) -> None:
    """Refuse texts longer than the positions of a backbone that is made here."""
    made = config.backbones[name].architecture
    if made is None:
        return
    for at, length in asked_lengths(config, name):
        if length > made.max_positions:
            raise ConfigMismatchError(
                at, f"{length} tokens, but backbone '{name}' has {made.max_positions} positions"
            )
