"""The section on the report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from starbench.config.names import Name
from starbench.section import Section


class Report(Section):
    """What the tables mark, and what the run is compared with."""

    compared_system: Name | None = Field(
        default=None,
        description="System that all others are tested against; `starbucks` if the run has one of "
        "that name, else the last one.",
    )
    sts_test: Literal["bootstrap", "williams"] = Field(
        default="bootstrap",
        description="Which test marks STS scores: a paired bootstrap of the pairs, or Williams' "
        "test of two dependent correlations. The paper does not say which one it used.",
    )
    retrieval_test: Literal["t-test", "randomisation"] = Field(
        default="t-test",
        description="Which test marks retrieval scores: Student's paired t-test, or a paired "
        "randomisation test; both two-sided, on the values of single queries.",
    )
    correction: Literal["none", "holm", "bonferroni"] = Field(
        default="holm",
        description="Correction over the systems that are tested at one size on one dataset.",
    )
    level: float = Field(
        default=0.05, gt=0, lt=1, description="Scores with a smaller p-value are marked."
    )
    resamples: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Resamples of the bootstrap and the randomisation test.",
    )
    systems: list[Name] | None = Field(
        default=None,
        min_length=1,
        description="Systems that tables and figures show, in this order; all if not given.",
    )
    sizes: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Trained sizes that tables and figures show, by name or as `layers/dim`; all "
        "if not given.",
    )
    published: Literal["claims", "numbers", "none"] = Field(
        default="claims",
        description="What of the paper the run is held against: its `claims`; also its `numbers` "
        "(only for the paper's backbone and data: scores of the same system, size, dataset and "
        "metric, by name); or nothing.",
    )
