"""Objective `3d-ml`: some layers at all dimensions, in-batch and hard negatives apart (3D-ML)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, dims_of, layers_of

LAYERS = (1, 2, 4, 8, 16, 24, 32, 40, 48)
"""The layers that the published code trains, those of the model, besides its last."""


class Ml3d(Objective):
    """3D Matryoshka Learning (arXiv 2605.15081), with D = d_1 > d_2 > ... the trained dimensions.

    L = 1/|layers| sum over layers l, sum over k of
            [CE_batch(v_l^{d_k}) + CE_hard(v_l^{d_k})] / (k sqrt(D / d_k)).

    CE_batch ranks a query's positive among the positives of all queries, CE_hard among the
    query's own positive and hard negatives; without hard negatives the latter is 0. Source:
    codefuse-ai/CodeFuse-Embeddings: ML-Embed/utils.py and model.py (cosine, temperature 0.05,
    which are the track's settings here). Its third dimension, the rank of the token embeddings,
    is not part of the loss and left out. It trains the powers of 2 from 8 as dimensions; here
    they are those of `sizes`.
    """

    summary: ClassVar[str] = "3D-ML: some layers at all dims, small ones with less weight"
    objective: Literal["3d-ml"] = Field(description="Some layers at all trained dimensions.")
    layers: Literal["published", "trained"] = Field(
        default="published",
        description="Which layers besides the last: 1, 2, 4, 8, 16, 24, 32, 40 and 48 as far as "
        "there are such (`published`), or those of `sizes` (`trained`).",
    )
    negatives: Literal["apart", "together"] = Field(
        default="apart",
        description="`apart`: one loss for the positives of the batch, one for a query's hard "
        "negatives (published; loss `mnrl`); `together`: the base loss once.",
    )

    @property
    def needs_scores(self) -> bool:
        """Whether in-batch and hard negatives are parts of their own."""
        return self.negatives == "apart"

    def terms(self, step: Step) -> list[Summand]:
        """Return the terms of every layer, the largest dimension first."""
        full = step.full
        listed = LAYERS if self.layers == "published" else layers_of(step.sizes)
        layers = [*(layer for layer in listed if layer < full.layers), full.layers]
        dims = sorted({*dims_of(step.sizes), full.dim}, reverse=True)
        found: list[Summand] = []
        for layer in layers:
            for place, dim in enumerate(dims, 1):
                weight = 1 / (len(layers) * place * math.sqrt(full.dim / dim))
                found += self._at(Size(layer, dim), weight)
        return found

    def _at(self, size: Size, weight: float) -> list[Summand]:
        if self.negatives == "together":
            return [Term(size, weight)]
        return [Term(size, weight, "positives"), Term(size, weight, "own")]
