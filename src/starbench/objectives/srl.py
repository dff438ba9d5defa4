"""Objective `srl`: the fixed list of sizes, all of them at every step (Starbucks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from starbench.objectives.objective import Alignment, Objective, Term
from starbench.sizes import Size


class Srl(Alignment, Objective):
    """L = loss(full) + sum over smaller (n, d) of [loss(v_n^d) + w KL(v_N^d || v_n^d)].

    Source: Starbucks section 3.1 and ielab/Starbucks: sts/starbucks_loss.py (the defaults here)
    and retrieval/modeling.py. The published docstrings speak of a KL temperature of 0.3; the
    code uses that number as a factor only, so here it is `kl_weight`, and the temperature is 1.
    """

    objective: Literal["srl"] = Field(description="All sizes of the list at every step.")

    def terms(self, sizes: Sequence[Size], full: Size, draw: np.random.Generator) -> list[Term]:
        """Return the full size and every smaller one of the list, each with its alignment."""
        smaller = [size for size in sizes if size != full]
        return [Term(full), *(Term(s, 1.0, self.kl_weight, s.dim) for s in smaller)]
