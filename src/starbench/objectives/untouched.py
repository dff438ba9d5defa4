"""Objective `untouched`: the backbone as it is, cut to each size (the floor of every table)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Step, Summand


class Untouched(Objective):
    """No training: a step has no terms."""

    summary: ClassVar[str] = "not fine-tuned"
    objective: Literal["untouched"] = Field(description="The backbone without fine-tuning.")
    trains: ClassVar[bool] = False
    reads_sizes: ClassVar[bool] = False

    def terms(self, step: Step) -> list[Summand]:
        """Return no terms."""
        return []
