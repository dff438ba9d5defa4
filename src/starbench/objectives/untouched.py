"""Objective `untouched`: the backbone as it is, cut to each size (the floor of every table)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from starbench.objectives.objective import Objective, Term
from starbench.sizes import Size


class Untouched(Objective):
    """No training: a step has no terms."""

    summary: ClassVar[str] = "not fine-tuned"
    objective: Literal["untouched"] = Field(description="The backbone without fine-tuning.")
    trains: ClassVar[bool] = False
    reads_sizes: ClassVar[bool] = False

    def terms(self, sizes: Sequence[Size], full: Size, draw: np.random.Generator) -> list[Term]:
        """Return no terms."""
        return []
