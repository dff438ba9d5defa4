"""Objective `mrl`: every dimension of the last layer (Matryoshka Representation Learning)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, dims_of


class Mrl(Objective):
    """L = sum over d of loss(v_N^d), equal weights (arXiv 2205.13147, eq. 1 with c_m = 1)."""

    summary: ClassVar[str] = "Matryoshka: dims of the last layer"
    objective: Literal["mrl"] = Field(description="All dimensions of the last layer.")

    def terms(self, step: Step) -> list[Summand]:
        """Return one term for each trained dimension, all at the full depth."""
        full = step.full
        dims = sorted({*dims_of(step.sizes), full.dim})
        return [Term(Size(full.layers, dim)) for dim in dims]
