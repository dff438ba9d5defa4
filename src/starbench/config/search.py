"""The config's `search`: how passages are ranked, and what is measured beside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from starbench.section import Section


class Bm25Options(Section):
    """BM25 on every collection, beside the models."""

    k1: float = Field(
        default=1.5,
        ge=0,
        description="Saturation of term frequencies: the higher, the longer repeated words add to "
        "the score.",
    )
    b: float = Field(
        default=0.75, ge=0, le=1, description="Length normalisation: 0 for none, 1 for full."
    )


class Adaptive(Section):
    """A small size shortlists, larger ones rank the shortlist again."""

    shortlist: int = Field(
        default=200,
        ge=1,
        description="Passages that the small size passes on to the full one; at most the search's "
        "`depth`.",
    )
    funnel: list[Annotated[int, Field(ge=1)]] = Field(
        default=[200, 100, 50, 25, 10],
        min_length=1,
        description="Passages passed on at each step of the funnel, from size to size upwards; "
        "the last number serves all further steps.",
    )

    @field_validator("funnel")
    @classmethod
    def _narrowing(cls, funnel: list[int]) -> list[int]:
        check_narrowing(funnel)
        return funnel


def check_narrowing(kept: Sequence[int]) -> None:
    """Raise ValueError if a step of a funnel passes on more passages than the one before it."""
    for before, after in pairwise(kept):
        if after > before:
            raise ValueError(f"a step cannot pass on {after} of {before} passages")


class Search(Section):
    """Retrieval: how the passages of a collection are ranked."""

    depth: int = Field(
        default=1000,
        ge=10,
        description="Passages ranked for each query; measures that look deeper are left out.",
    )
    runs: Literal["trained", "all", "none"] = Field(
        default="trained",
        description="Which TREC run files are kept: of the trained sizes, of all cells, or none.",
    )
    bm25: Bm25Options | None = Field(
        default=Bm25Options(), description="BM25 beside the models; null for none."
    )
    adaptive: Adaptive | None = Field(
        default=Adaptive(), description="Adaptive retrieval over the trained sizes; null for none."
    )
