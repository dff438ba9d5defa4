"""The config's `bits`: stored vectors scored with fewer bits a number."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from starbench.config.search import check_narrowing
from starbench.section import Section

Representation = Literal["float32", "float16", "int8", "binary"]
"""How a number of a vector is kept."""
BITS = {"float32": 32, "float16": 16, "int8": 8, "binary": 1}
"""Bits of one number, by representation."""
QUANTISED = ("int8", "binary")
"""Representations that are made of codes; the others are numbers."""

Rescored = Literal[
    "binary+int8",
    "binary+float16",
    "binary+float32",
    "int8+float16",
    "int8+float32",
]
"""What shortlists, and what ranks the shortlist again."""


class FunnelStep(Section):
    """One step of a funnel: which vectors rank, and how many passages go on."""

    layers: int | None = Field(
        default=None, ge=1, description="Number of layers; all layers if not given."
    )
    dim: int = Field(ge=1, description="Number of dimensions.")
    bits: Representation = Field(description="Representation of the passages.")
    keep: int | None = Field(
        default=None, ge=1, description="Passages that go on to the next step; not of the last one."
    )


class Bits(Section):
    """Stored embeddings scored again with fewer bits a number, at every size of the grid."""

    scored: list[Representation] = Field(
        default=["float16", "int8", "binary"],
        min_length=1,
        description="Representations to score, besides what is stored: `float16`, `int8` (ranges "
        "for each dimension) and `binary` (signs).",
    )
    rescored: list[Rescored] | None = Field(
        default=None,
        description="Retrieval: representations whose shortlist is ranked again by a finer one, as "
        "`binary+int8`. If not given, `int8` and `binary` of `scored`, each by what is stored.",
    )
    shortlist: int = Field(
        default=100,
        ge=1,
        description="Retrieval: passages that are ranked again; at most the search's `depth`.",
    )
    rotation: Literal["none", "pca", "whitening"] = Field(
        default="none",
        description="What `int8` and `binary` are made of: the dimensions as they are (`none`), or "
        "principal components (`pca`), also with unit variance (`whitening`).",
    )
    calibration: int = Field(
        default=10_000,
        ge=2,
        description="Texts that the ranges of `int8` and the rotation are found on, at most: of a "
        "collection passages that are not judged, of pairs their own texts.",
    )
    funnel: list[FunnelStep] = Field(
        default_factory=list,
        description="Retrieval: a funnel of adaptive retrieval, as `[{dim: 64, bits: binary, "
        "keep: 200}, {dim: 256, bits: int8, keep: 50}, {dim: 768, bits: float32}]`.",
    )

    @field_validator("scored", "rescored")
    @classmethod
    def _once(cls, names: list[str] | None) -> list[str] | None:
        for index, name in enumerate(names or []):
            if name in (names or [])[:index]:
                raise ValueError(f"lists '{name}' twice")
        return names

    @field_validator("funnel")
    @classmethod
    def _narrowing(cls, funnel: list[FunnelStep]) -> list[FunnelStep]:
        if len(funnel) == 1:
            raise ValueError("a funnel has at least two steps")
        for number, step in enumerate(funnel, start=1):
            if (step.keep is None) != (number == len(funnel)):
                raise ValueError("every step but the last has `keep`, the last one has none")
        kept = [step.keep for step in funnel if step.keep is not None]
        check_narrowing(kept)
        return funnel


def vector_bytes(dim: int, bits: int) -> int:
    """Return the bytes of one stored vector: its numbers, each of so many bits, in whole bytes."""
    return -(-dim * bits // 8)


def asked_of(options: Bits, stored: str) -> list[Representation]:
    """Return `scored`, its default without what is stored anyway."""
    given = "scored" in options.model_fields_set
    return [name for name in options.scored if given or name != stored]


def parts_of(name: str) -> list[str]:
    """Return the representations that a name of `scored` or `rescored` puts together."""
    return name.split("+")
