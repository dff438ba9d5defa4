"""The shape of an encoder by its config.json, and how many operations its passes take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starbench.encoders.families import FAMILIES, family_named
from starbench.encoders.parameters import Parameters, counted
from starbench.errors import InputError

BACKWARD = 2.0
"""Operations of a backward pass for one of the forward pass."""
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
    return encoder_by(found)


def encoder_by(found: Mapping[str, Any]) -> Encoder:
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
