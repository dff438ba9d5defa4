"""The shape of a backbone's encoder, and how many operations its passes take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starbench.config.backbones import Architecture, Checkpoint
from starbench.config.config import Config
from starbench.errors import InputError
from starbench.planning.known import known
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import on_disk


@dataclass(frozen=True)
class Encoder:
    """A BERT encoder: operations are floating-point ones, a multiply-add counts as two."""

    layers: int
    width: int
    intermediate: int
    vocabulary: int
    positions: int

    def parameters(self, layers: int | None = None) -> int:
        """Return the parameters of the embeddings and the first `layers` layers (all)."""
        width, wide = self.width, self.intermediate
        attention = 4 * (width * width + width)
        feed_forward = 2 * width * wide + width + wide
        layer = attention + feed_forward + 4 * width
        embeddings = (self.vocabulary + self.positions + 2) * width + 2 * width
        return embeddings + (self.layers if layers is None else layers) * layer

    def projections(self) -> float:
        """Operations of one token in one layer's six matrix products."""
        return 2.0 * (4 * self.width**2 + 2 * self.width * self.intermediate)

    def attention(self, length: float) -> float:
        """Operations of one token that attends to `length` tokens in one layer."""
        return 4.0 * length * self.width

    def head(self) -> float:
        """Operations of one masked position: the head's transform and the vocabulary."""
        return 2.0 * self.width * (self.width + self.vocabulary)

    def forward(self, tokens: float, length: float, layers: int | None = None) -> float:
        """Operations of a pass over `tokens` tokens in texts of `length` tokens each."""
        depth = self.layers if layers is None else layers
        return tokens * depth * (self.projections() + self.attention(length))


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
    return Encoder(
        section.layers,
        section.width,
        section.intermediate,
        section.vocabulary,
        section.max_positions,
    )


def _fetched_or_known(checkpoint: Checkpoint, fetched: Path) -> Encoder | None:
    # A folder that is not there yet is no error here.
    source = Path(checkpoint.name) if _in_folder(checkpoint) else on_disk(checkpoint)
    for folder in (fetched, source):
        if folder is not None and (folder / "config.json").is_file():
            return _read(folder / "config.json")
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


def _read(path: Path) -> Encoder:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    keys = (
        "num_hidden_layers",
        "hidden_size",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
    )
    for key in keys:
        if key not in found:
            raise InputError(f"{path} has no {key}: it is not an encoder that can be planned for")
    return Encoder(*(int(found[key]) for key in keys))
