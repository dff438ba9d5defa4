"""Objective `single`: the full size only, cut afterwards (the row BERT of the paper)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand, Term


class Single(Objective):
    """L = loss(v_N^D): ordinary fine-tuning (Starbucks, Table A1, row BERT)."""

    summary: ClassVar[str] = "trained at the full size, then cut"
    objective: Literal["single"] = Field(description="Train the full size only, cut afterwards.")
    bf16_scores: bool = Field(
        default=False,
        description="Whether in-batch scores are bfloat16, as Tevatron's are under bf16 autocast "
        "and with them the published retrieval baselines' (spacing 1.0 above 128); loss `mnrl`.",
    )
    full_size_only: ClassVar[bool] = True
    reads_sizes: ClassVar[bool] = False

    def terms(self, step: Step) -> list[Summand]:
        """Return the full size alone."""
        return [Term(step.full)]
