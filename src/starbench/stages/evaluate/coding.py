"""Representations of vectors with fewer bits a number: what is kept, and how it is compared."""

# Q = queries, B = vectors, N = calibration texts, D = dimensions

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from starbench.encoders.directions import Directions, principal
from starbench.errors import InputError

LARGEST_CODE = 127
"""Codes of int8 are between -127 and 127."""


@dataclass(frozen=True)
class QueryCodes:
    """Queries as they are compared: score = offset + factor * (codes of query . of passage)."""

    codes: Tensor
    """(Q, D)"""
    factors: Tensor
    """Above 0 or equal to it, (Q,), float32."""
    offsets: Tensor
    """(Q,), float32."""


@dataclass(frozen=True)
class Space:
    """What is done to vectors before they are coded: a rotation, and the scaling to length 1."""

    unit: bool
    """Whether vectors are compared by their cosine: they then have length 1 (zeros stay zeros)."""
    rotation: Directions | None = None

    def __call__(self, vectors_BD: Tensor) -> Tensor:
        """Return the vectors (B, D) to code, float32."""
        if self.rotation is not None:
            mean, directions = (
                torch.from_numpy(part).to(vectors_BD.device)
                for part in (self.rotation.mean, self.rotation.directions)
            )
            vectors_BD = (vectors_BD - mean) @ directions
        if not self.unit:
            return vectors_BD
        lengths = torch.linalg.vector_norm(vectors_BD, dim=1, keepdim=True)
        return torch.where(lengths > 0, vectors_BD / lengths, 0.0)


class Coder(Protocol):
    """Makes codes of vectors (B, D), float32, of one size."""

    @property
    def whole(self) -> bool:
        """Whether codes are whole numbers, int8."""
        ...

    def passages(self, vectors_BD: Tensor) -> Tensor:
        """Return what is kept of passages, (B, D)."""
        ...

    def queries(self, vectors_QD: Tensor) -> QueryCodes:
        """Return queries as they are compared with passages."""
        ...

    def vectors(self, codes_BD: Tensor) -> Tensor:
        """Return the vectors that codes of passages stand for, (B, D), float32."""
        ...

    def blank(self, codes_BD: Tensor) -> int:
        """Return how many passages have the code that holds no information."""
        ...


@dataclass(frozen=True)
class Float16:
    """Numbers of 16 bits; queries, which are not stored, stay float32."""

    space: Space
    whole: bool = False

    def passages(self, vectors_BD: Tensor) -> Tensor:
        """Return the vectors in float16, as float32; InputError for what float16 does not hold."""
        kept_BD = self.space(vectors_BD).half().float()
        if not torch.isfinite(kept_BD).all():
            raise InputError(
                "a vector has values above 65504, which float16 does not hold: leave float16 out "
                "of the track's `bits`"
            )
        return kept_BD

    def queries(self, vectors_QD: Tensor) -> QueryCodes:
        """Return the queries' vectors."""
        return _as_they_are(self.space(vectors_QD))

    def vectors(self, codes_BD: Tensor) -> Tensor:
        """Return the codes, which are numbers already."""
        return codes_BD

    def blank(self, codes_BD: Tensor) -> int:
        """Return 0."""
        return 0


@dataclass(frozen=True)
class Int8:
    """Whole numbers c of 8 bits, x = middle + step * c, with a range for each dimension.

    The range of a dimension is that of the calibration texts; what lies beyond is cut off. A query
    q is compared by q . middle + factor * (its own codes . c): its codes are those of step * q,
    with one factor for all dimensions, so that products of whole numbers are summed up.
    """

    space: Space
    middle: Tensor
    """(D,)"""
    step: Tensor
    """(D,); 0 of a dimension that is the same in all calibration texts."""
    whole: bool = True

    @classmethod
    def of(cls, space: Space, texts_ND: Tensor) -> Int8:
        """Return what the ranges of calibration texts give."""
        kept = space(texts_ND)
        low, high = kept.amin(dim=0), kept.amax(dim=0)
        return cls(space, (low + high) / 2, (high - low) / (2 * LARGEST_CODE))

    @property
    def constant(self) -> int:
        """How many dimensions have no range: their code is always 0."""
        return int((self.step == 0).sum())

    def passages(self, vectors_BD: Tensor) -> Tensor:
        """Return codes, int8."""
        middle, step = self._on(vectors_BD)
        # A dimension without a range has the code 0, whatever the number is.
        divisor = torch.where(step > 0, step, torch.inf)
        return _codes((self.space(vectors_BD) - middle).div_(divisor))

    def queries(self, vectors_QD: Tensor) -> QueryCodes:
        """Return the codes of step * q, what they are multiplied by, and q . middle."""
        middle, step = self._on(vectors_QD)
        kept_QD = self.space(vectors_QD)
        weighed_QD = kept_QD * step
        factors_Q = weighed_QD.abs().amax(dim=1) / LARGEST_CODE
        divisor_Q = torch.where(factors_Q > 0, factors_Q, 1.0)
        return QueryCodes(_codes(weighed_QD / divisor_Q[:, None]), factors_Q, kept_QD @ middle)

    def vectors(self, codes_BD: Tensor) -> Tensor:
        """Return middle + step * codes."""
        middle, step = self._on(codes_BD)
        return middle + step * codes_BD.float()

    def blank(self, codes_BD: Tensor) -> int:
        """Return 0."""
        return 0

    def _on(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return self.middle.to(like.device), self.step.to(like.device)


@dataclass(frozen=True)
class Binary:
    """One bit a dimension: whether the number is above 0; the score is the cosine of the signs.

    Codes are 1 and -1: their product is D - 2 * (the Hamming distance).
    """

    space: Space
    whole: bool = True

    def passages(self, vectors_BD: Tensor) -> Tensor:
        """Return 1 where a number is above 0 and -1 elsewhere, int8."""
        return (self.space(vectors_BD) > 0).to(torch.int8).mul_(2).sub_(1)

    def queries(self, vectors_QD: Tensor) -> QueryCodes:
        """Return the signs of the queries; a score is divided by the number of dimensions."""
        codes_QD = self.passages(vectors_QD)
        factors_Q = torch.full((len(codes_QD),), 1 / codes_QD.shape[1], device=codes_QD.device)
        return QueryCodes(codes_QD, factors_Q, torch.zeros_like(factors_Q))

    def vectors(self, codes_BD: Tensor) -> Tensor:
        """Return the signs."""
        return codes_BD.float()

    def blank(self, codes_BD: Tensor) -> int:
        """Return how many passages have no number above 0: all their bits are 0."""
        return int((codes_BD.amax(dim=1) < 0).sum())


def coder_of(
    name: str,
    unit: bool,
    rotation: Literal["none", "pca", "whitening"],
    texts_ND: np.ndarray,
    of: str,
) -> Coder:
    """Return the coder of one size.

    Args:
        name: ``float16``, ``int8`` or ``binary``.
        unit: whether vectors are compared by their cosine.
        rotation: what is done before ``int8`` and ``binary``; fitted on the calibration texts.
        texts_ND: calibration texts, float32.
        of: what they are the texts of, for messages.

    Raises InputError for fewer calibration texts than a range or the rotation needs.
    """
    if name == "float16":
        return Float16(Space(unit))
    count, dims = texts_ND.shape
    needed = dims + 1 if rotation != "none" else 2 if name == "int8" else 0
    if count < needed:
        what = f"the rotation {rotation} of {dims} dimensions" if rotation != "none" else name
        raise InputError(f"{of} to calibrate on, {what} needs {needed} or more")
    fitted = principal(texts_ND, rotation == "whitening", dims) if rotation != "none" else None
    space = Space(unit, fitted)
    return Binary(space) if name == "binary" else Int8.of(space, torch.from_numpy(texts_ND))


def _as_they_are(vectors_QD: Tensor) -> QueryCodes:
    zeros_Q = torch.zeros(len(vectors_QD), device=vectors_QD.device)
    return QueryCodes(vectors_QD, torch.ones_like(zeros_Q), zeros_Q)


def _codes(numbers: Tensor) -> Tensor:
    """Return numbers rounded (halves to even) and cut off, as int8; `numbers` is overwritten."""
    return numbers.round_().clamp_(-LARGEST_CODE, LARGEST_CODE).to(torch.int8)
