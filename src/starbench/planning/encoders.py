"""The shape of a backbone's encoder, and how many operations its passes take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def encoder_of(config: Config, paths: RunPaths, backbone: str) -> Encoder:
    """Return the shape of a backbone; InputError for a checkpoint that is not known here."""
    section = config.backbones[backbone]
    if section.start is not None:
        return encoder_of(config, paths, section.start)
    made = section.architecture
    if made is not None:
        return Encoder(
            made.layers, made.width, made.intermediate, made.vocabulary, made.max_positions
        )
    assert section.checkpoint is not None
    for folder in (paths.checkpoint(backbone), on_disk(section.checkpoint)):
        if folder is not None and (folder / "config.json").is_file():
            return _read(folder / "config.json")
    shapes = known()["encoders"]
    if section.checkpoint.name in shapes:
        return Encoder(**shapes[section.checkpoint.name])
    raise InputError(
        f"backbone '{backbone}': the shape of checkpoint '{section.checkpoint.name}' is not known "
        f"before it is fetched: starbench data --config FILE --checkpoint {backbone}"
    )


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
            raise InputError(f"{path} has no {key}: it is no encoder that can be planned for")
    return Encoder(*(int(found[key]) for key in keys))
