"""The shape of a backbone's encoder, and how many operations its passes take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starbench.config.backbones import Architecture, Checkpoint
from starbench.config.config import Config
from starbench.encoders.families import FAMILIES, family_named
from starbench.errors import InputError
from starbench.planning.known import known
from starbench.planning.parameters import Parameters, counted
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import on_disk

POSITIONS = 512
"""Tokens of the longest text where a config.json of a plugin's family does not tell."""


@dataclass(frozen=True)
class Encoder:
    """An encoder: operations are floating-point ones, a multiply-add counts as two."""

    layers: int
    width: int
    intermediate: int
    vocabulary: int
    positions: int
    counts: Parameters | None = None
    """Its parameters; None for those of a BERT of this shape."""
    decodes_whole: bool = False
    """Whether the auto-encoder's decoder runs on each size's whole sequence."""

    @property
    def counted(self) -> Parameters:
        """Its parameters."""
        return self.counts or _of_bert(self)

    def parameters(self, layers: int | None = None) -> int:
        """Return the parameters of all but the layers, and of the first `layers` layers (all)."""
        depth = self.layers if layers is None else layers
        return self.counted.outside + depth * self.counted.layer

    def projections(self) -> float:
        """Operations of one token in one layer's matrix products."""
        return 2.0 * self.counted.matrices

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
    return _encoder(found)


def _encoder(found: Mapping[str, Any]) -> Encoder:
    """Return the shape of an encoder by its config's keys."""
    family = FAMILIES[found["model_type"]]
    positions = int(found.get("max_position_embeddings", POSITIONS))
    if family.padding is not None:
        positions -= found.get("pad_token_id", family.padding) + 1
    encoder = Encoder(
        int(found[family.depth]),
        int(found[family.width]),
        int(found[family.intermediate]),
        int(found["vocab_size"]),
        positions,
        decodes_whole=family.block is None,
    )
    counts = counted(found)
    return encoder if counts == encoder.counted else replace(encoder, counts=counts)


def _of_bert(encoder: Encoder) -> Parameters:
    return counted(
        {
            "model_type": "bert",
            "hidden_size": encoder.width,
            "intermediate_size": encoder.intermediate,
            "vocab_size": encoder.vocabulary,
            "max_position_embeddings": encoder.positions,
        }
    )


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


def read_encoder(path: Path) -> Encoder:
    """Return the shape of an encoder by its config.json.

    Raises InputError for a family that is not known, and for a key that is missing.
    """
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    family = family_named(found.get("model_type"), str(path))
    shape = (family.depth, family.width, family.intermediate)
    for key in (*shape, "vocab_size", "max_position_embeddings"):
        if key not in found:
            raise InputError(f"{path} has no {key}: it is not an encoder that can be planned for")
    return _encoder(found)
