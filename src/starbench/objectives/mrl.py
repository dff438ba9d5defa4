"""Objective `mrl`: every dimension of the last layer (Matryoshka Representation Learning)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from starbench.objectives.objective import Objective, Term
from starbench.sizes import Size, dims_of


class Mrl(Objective):
    """L = sum over d of loss(v_N^d), equal weights (arXiv 2205.13147, eq. 1 with c_m = 1)."""

    summary: ClassVar[str] = "Matryoshka: dims of the last layer"
    objective: Literal["mrl"] = Field(description="All dimensions of the last layer.")

    def terms(self, sizes: Sequence[Size], full: Size, draw: np.random.Generator) -> list[Term]:
        """Return one term for each trained dimension, all at the full depth."""
        dims = sorted({*dims_of(sizes), full.dim})
        return [Term(Size(full.layers, dim)) for dim in dims]
