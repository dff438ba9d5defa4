"""Objective `srl`: a list of sizes at every step, fixed (Starbucks) or sampled (its ablation)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Alignment, Objective
from starbench.objectives.summands import Step, Summand, Term
from starbench.sizes import Size, grid_of


class Srl(Alignment, Objective):
    """L = loss(full) + sum over smaller (n, d) of [loss(v_n^d) + w KL(v_N^d || v_n^d)].

    Source: Starbucks section 3.1 and ielab/Starbucks: sts/starbucks_loss.py (the defaults here)
    and retrieval/modeling.py. The published docstrings speak of a KL temperature of 0.3; the
    code uses that number as a factor only, so here it is `kl_weight`, and the temperature is 1.

    The paper's first finding is that the fixed list beats sampled pairs of (n, d). Its sampled
    variant is not published; `pairs: sampled` draws as many as the list has, so that a step costs
    about the same and the choice of pairs is all that differs. `pairs: grid` trains every trained
    layer at every trained dimension, which costs more losses and no more forward passes.
    """

    summary: ClassVar[str] = "SRL: the list of sizes at every step"
    objective: Literal["srl"] = Field(description="All sizes of the list at every step.")
    pairs: Literal["listed", "sampled", "grid"] = Field(
        default="listed",
        description="The smaller sizes of a step: those of `sizes` (`listed`); as many pairs of a "
        "trained layer and a trained dimension, drawn anew without replacement at each step "
        "(`sampled`); or all such pairs (`grid`).",
    )
    full_weight: float = Field(
        default=1.0, ge=0, description="Weight of the base loss at the full size."
    )

    def terms(self, step: Step) -> list[Summand]:
        """Return the full size and the smaller ones of the step, each with its alignment."""
        full = step.full
        pairs = [(Term(size), self.aligned(size, full)) for size in self._smaller(step)]
        return [Term(full, self.full_weight), *(summand for pair in pairs for summand in pair)]

    def _smaller(self, step: Step) -> list[Size]:
        listed = [size for size in step.sizes if size != step.full]
        if self.pairs == "listed":
            return listed
        cells = [cell for cell in grid_of([*step.sizes, step.full]) if cell != step.full]
        if self.pairs == "grid":
            return cells
        drawn = step.draw.choice(len(cells), size=len(listed), replace=False)
        return sorted(cells[number] for number in drawn)
