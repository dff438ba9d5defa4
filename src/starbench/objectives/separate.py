"""Objective `separate`: one model for each size (the row BERT-Separate of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, layers_of


class Separate(Objective):
    """L = loss(v_n^d) on a backbone cut to n layers.

    `train_dim: own` trains at d (ielab/2DMSE-Reproduce: train_seperate.py); `train_dim: full`
    trains at the full width and cuts to d when scored, as the published STS script does
    (ielab/Starbucks: sts/train_baseline.py).
    """

    summary: ClassVar[str] = "one model for each size"
    objective: Literal["separate"] = Field(description="One model for each size.")
    train_dim: Literal["own", "full"] = Field(
        default="full",
        description="Whether a model is trained at its own dimension (`own`), or at the full width "
        "and cut when scored (`full`, the published STS script).",
    )
    bf16_scores: bool = Field(
        default=False,
        description="Whether in-batch scores are bfloat16, as Tevatron's are under bf16 autocast "
        "and with them the published retrieval baselines' (spacing 1.0 above 128); loss `mnrl`.",
    )
    per_size: ClassVar[bool] = True

    def groups(self, cells: Sequence[Size]) -> list[list[Size]]:
        """Return one group per cell, or one for each number of layers if that trains the same."""
        if self.train_dim == "own":
            return super().groups(cells)
        return [[c for c in cells if c.layers == layers] for layers in layers_of(cells)]

    def terms(self, step: Step) -> list[Summand]:
        """Return the model's one size, at its own dimension or the full width."""
        (size,) = step.sizes
        return [Term(size if self.train_dim == "own" else Size(size.layers, step.full.dim))]
