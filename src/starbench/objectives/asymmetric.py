"""Objective `asymmetric`: small queries that are compared with passages of all layers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Align, Step, Summand, Term
from starbench.sizes import Size, dims_of

QUERIES = (0,)
"""The text column of the queries, or of the first texts of pairs and triplets."""


class Asymmetric(Objective):
    """L = sum over d of loss(v_N^d) + w sum over sizes (n, d), n < N, of A(n, d).

    Of the queries q alone, with passages p at the full depth and sg: no gradient,
    `over: vectors`: A = mean over q of || q_n^d - sg(q_N^d) ||^2;
    `over: scores`: A = KL(softmax(sg(s(q_N^D, p_N^D)) / T) || softmax(s(q_n^d, sg(p_N^d)) / T)),
    s being the base loss's scores, the mean over q.

    After LEAF (arXiv 2509.12539), whose student has a linear map that equal dimensions do without,
    and KALE (arXiv 2304.01016). Both train a student beside a finished model. Here one model is
    trained: decided here are the teacher, which is trained in the same step, and its base loss at
    every trained dimension, so that its passages can be cut to the queries' dimensions.
    """

    summary: ClassVar[str] = "asymmetric: small queries, passages of all layers"
    objective: Literal["asymmetric"] = Field(
        description="All dimensions of the last layer, and queries of few layers pulled to them."
    )
    over: Literal["vectors", "scores"] = Field(
        default="vectors",
        description="What is compared: the query's embeddings (`vectors`, LEAF), or its scores "
        "with the passages (`scores`, KALE; loss `mnrl`).",
    )
    weight: float = Field(default=1.0, ge=0, description="Factor w of the queries' alignment.")
    temperature: float = Field(
        default=1.0, gt=0, description="Temperature T inside both softmaxes, over scores."
    )

    @field_validator("temperature")
    @classmethod
    def _over_scores(cls, temperature: float, info: ValidationInfo) -> Any:
        if temperature != 1 and info.data.get("over") == "vectors":
            raise ValueError("is for `over: scores`")
        return temperature

    @property
    def needs_scores(self) -> bool:
        """Whether queries are aligned over the base loss's scores."""
        return self.over == "scores" and self.weight > 0

    def terms(self, step: Step) -> list[Summand]:
        """Return the base loss at the full depth, then the alignment of every shallower size."""
        full = step.full
        dims = sorted({*dims_of(step.sizes), full.dim})
        shallow = [size for size in step.sizes if size.layers < full.layers]
        large: list[Summand] = [Term(Size(full.layers, dim)) for dim in dims]
        return large + [self._aligned(size, full) for size in shallow]

    def _aligned(self, size: Size, full: Size) -> Align:
        if self.over == "scores":
            return Align(
                size,
                full,
                self.weight,
                over="scores",
                temperature=self.temperature,
                detach=True,
                columns=QUERIES,
            )
        # The squared length of a difference is its mean square times its dimensions.
        weight = self.weight * size.dim
        return Align(size, full, weight, over="vectors", by="mse", detach=True, columns=QUERIES)
