"""Objective `softmax`: labels predicted by linear heads at several sizes (MRL and MRL-E)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, dims_of, layers_of


class Softmax(Objective):
    """L = sum over sizes of CE(W_n,d v_n^d + b_n,d; label), equal weights.

    Over dims this is Matryoshka Representation Learning (arXiv 2205.13147, eq. 1 with c_m = 1), and
    with `heads: shared` its efficient variant MRL-E, in which W_d is the first d columns of one W
    (section 3; RAIVNLab/MRL: MRL.py). The paper's FF, one model for one size, is the objective
    `separate` with the same loss.
    """

    summary: ClassVar[str] = "labels by linear heads at several sizes"
    objective: Literal["softmax"] = Field(
        description="Labels predicted by linear heads, with the loss `softmax`."
    )
    over: Literal["dims", "layers", "sizes", "full"] = Field(
        default="dims",
        description="The sizes of a step: every trained dimension of the last layer (MRL), every "
        "trained layer at the full width, the trained sizes (Starbucks), or the full size alone.",
    )
    heads: Literal["each", "shared"] = Field(
        default="each",
        description="A head for each size, or one whose first columns serve every size (MRL-E).",
    )
    encoder: Literal["trained", "frozen"] = Field(
        default="trained", description="Whether the encoder is trained too, or its heads alone."
    )
    losses: ClassVar[tuple[str, ...]] = ("softmax",)

    def terms(self, step: Step) -> list[Summand]:
        """Return one term for each size."""
        full = step.full
        sizes = {
            "dims": [Size(full.layers, dim) for dim in dims_of([*step.sizes, full])],
            "layers": [Size(layers, full.dim) for layers in layers_of([*step.sizes, full])],
            "sizes": sorted({*step.sizes, full}),
            "full": [full],
        }[self.over]
        return [Term(size) for size in sizes]
