"""Objective `2dmse`: sampled layers and dimensions (2D Matryoshka Sentence Embeddings)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from starbench.objectives.objective import Alignment, Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, dims_of


class Mse2d(Alignment, Objective):
    """The paper's baseline: sentence-transformers 3.x's ``Matryoshka2dLoss``.

    L = sum over sampled d of loss(v_N^d)
        + sum over sampled layers l of [w(l)/k * sum over sampled d of loss(v_l^d)
                                        + 0.3 KL(v_N || v_l) at the full width].
    Sampled are `layers_per_step` of the layers below the last, and for each layer, the last
    included, its own `dims_per_step` dimensions. Later versions of that library detach the
    teacher and weigh layers uniformly; both are options here. The published retrieval code
    (ielab/Starbucks: retrieval/modeling.py) is `sampled_layers: trained`, `dims_per_step: -1`,
    `layer_weight: uniform` and `kl_sizes: size` over scores with a detached teacher.
    """

    summary: ClassVar[str] = "2D Matryoshka"
    objective: Literal["2dmse"] = Field(description="Sampled layers and dimensions.")
    kl_temperature: float = Field(
        default=0.3, gt=0, description="Temperature inside both softmaxes."
    )
    layers_per_step: int = Field(
        default=1, ge=-1, description="Layers below the last sampled at each step; -1 for all."
    )
    dims_per_step: int = Field(
        default=1, ge=-1, description="Dimensions sampled for each layer at each step; -1 for all."
    )
    layer_weight: Literal["linear", "log", "uniform"] = Field(
        default="linear",
        description="Weight of layer l: 1/l (linear), 1/(1+ln l) (log) or 1 (uniform).",
    )
    kl_sizes: Literal["layer", "size"] = Field(
        default="layer",
        description="`layer`: the KL term once for each sampled layer, at the full width "
        "(sentence-transformers); `size`: at every sampled size below the full one, those of the "
        "last layer too (published retrieval code).",
    )
    sampled_layers: Literal["all", "trained"] = Field(
        default="all",
        description="Sample from all layers below the last, or only from those of `sizes`.",
    )

    @field_validator("layers_per_step", "dims_per_step")
    @classmethod
    def _some(cls, count: int) -> int:
        if count == 0:
            raise ValueError("needs at least 1, or -1 for all, got 0")
        return count

    def terms(self, step: Step) -> list[Summand]:
        """Return the summands of the layers and dimensions that the step draws."""
        full, draw = step.full, step.draw
        dims = sorted({*dims_of(step.sizes), full.dim})
        layers = self._layers(step)
        chosen: list[Summand] = []
        for dim in _sample(dims, self.dims_per_step, draw):
            chosen += self._at(Size(full.layers, dim), 1.0, full)
        for layer in layers:
            weight = self._weight(layer) / len(layers)
            for dim in _sample(dims, self.dims_per_step, draw):
                chosen += self._at(Size(layer, dim), weight, full)
            if self.kl_sizes == "layer":
                chosen.append(self.aligned(Size(layer, full.dim), full))
        return chosen

    def _at(self, size: Size, weight: float, full: Size) -> list[Summand]:
        term = Term(size, weight)
        aligned = self.kl_sizes == "size" and size != full
        return [term, self.aligned(size, full)] if aligned else [term]

    def _layers(self, step: Step) -> list[int]:
        if self.sampled_layers == "all":
            below = list(range(1, step.full.layers))
        else:
            below = sorted({size.layers for size in step.sizes} - {step.full.layers})
        return _sample(below, self.layers_per_step, step.draw)

    def _weight(self, layer: int) -> float:
        if self.layer_weight == "linear":
            return 1 / layer
        return 1.0 if self.layer_weight == "uniform" else 1 / (1 + math.log(layer))


def _sample(values: list[int], count: int, draw: np.random.Generator) -> list[int]:
    if count < 0 or count >= len(values):
        return values
    return sorted(int(value) for value in draw.choice(values, size=count, replace=False))
