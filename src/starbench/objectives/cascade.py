"""Objective `cascade`: the list of sizes, each pulled towards the next larger one."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Alignment, Objective
from starbench.objectives.summands import Step, Summand, Term


class Cascade(Alignment, Objective):
    """L = loss(K) + sum over k < K of [loss(k) + w KL(k+1 || k)], the sizes 1 < ... < K, K full.

    `srl` with another teacher: the next larger size instead of the full one. Defined here; there
    is no publication. `kl_detach: true` stops the gradient at each size's teacher, so that a size
    learns nothing from those below it.
    """

    summary: ClassVar[str] = "SRL with the next larger size as the teacher"
    objective: Literal["cascade"] = Field(
        description="All sizes of the list, each aligned to the next larger one."
    )

    def terms(self, step: Step) -> list[Summand]:
        """Return the full size and the smaller ones, each with its alignment."""
        sizes = sorted({*step.sizes, step.full})
        found: list[Summand] = [Term(step.full)]
        for smaller, larger in pairwise(sizes):
            found += [Term(smaller), self.aligned(smaller, larger)]
        return found
