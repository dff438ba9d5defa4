"""The shape of a backbone's encoder, before or after it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starbench.config.backbones import Architecture, Checkpoint
from starbench.config.config import Config
from starbench.encoders.families import FAMILIES
from starbench.encoders.shape import Encoder, encoder_by, read_encoder
from starbench.errors import InputError
from starbench.planning.known import known
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import on_disk


@dataclass(frozen=True)
class Shape:
    """The shape of a backbone's encoder, and whose it is."""

    encoder: Encoder
    like: str | None = None
    """The checkpoint whose shape is assumed, where the backbone's own is not there yet."""


def shape_of(config: Config, paths: RunPaths, backbone: str) -> Shape:
    """Return the shape of a backbone.

    A checkpoint in a folder that another run has yet to make is taken to be like the config's
    other checkpoints, if they are all alike. Raises InputError for one whose shape is not known.
    """
    section = config.backbones[backbone]
    if section.start is not None:
        return shape_of(config, paths, section.start)
    if section.architecture is not None:
        return Shape(_made(section.architecture))
    assert section.checkpoint is not None
    name = section.checkpoint.name
    found = _fetched_or_known(section.checkpoint, paths.checkpoint(backbone))
    if found is not None:
        return Shape(found)
    likes = _others(config, paths) if _in_folder(section.checkpoint) else {}
    if len(set(likes.values())) == 1:
        like, encoder = next(iter(likes.items()))
        return Shape(encoder, like)
    raise InputError(
        f"backbone '{backbone}': the shape of checkpoint '{name}' is not known "
        f"before it is fetched: starbench data --config FILE --checkpoint {backbone}"
    )


def _in_folder(checkpoint: Checkpoint) -> bool:
    return checkpoint.name.startswith((".", "/"))


def _made(section: Architecture) -> Encoder:
    family = FAMILIES[section.family]
    padding = 1 if section.family == "mpnet" else 0
    behind = 0 if family.padding is None else padding + 1
    found = {
        "model_type": section.family,
        family.depth: section.layers,
        family.width: section.width,
        family.intermediate: section.intermediate,
        "vocab_size": section.vocabulary,
        "max_position_embeddings": section.max_positions + behind,
        "num_attention_heads": section.heads,
        "type_vocab_size": 1 if section.family == "roberta" else 2,
        "pad_token_id": padding,
    }
    return encoder_by(found)


def _fetched_or_known(checkpoint: Checkpoint, fetched: Path) -> Encoder | None:
    # A folder that is not there yet is no error here.
    source = Path(checkpoint.name) if _in_folder(checkpoint) else on_disk(checkpoint)
    for folder in (fetched, source):
        if folder is not None and (folder / "config.json").is_file():
            return read_encoder(folder / "config.json")
    shapes = known()["encoders"]
    return Encoder(**shapes[checkpoint.name]) if checkpoint.name in shapes else None


def _others(config: Config, paths: RunPaths) -> dict[str, Encoder]:
    """Return the shapes of the config's checkpoints that are known, by the checkpoint's name."""
    found = {}
    for name, section in config.backbones.items():
        if section.checkpoint is not None:
            encoder = _fetched_or_known(section.checkpoint, paths.checkpoint(name))
            if encoder is not None:
                found[section.checkpoint.name] = encoder
    return found
