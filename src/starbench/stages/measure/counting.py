"""What sizes cost by counting: parameters, multiply-adds, bytes of vectors and indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from starbench.config.bits import vector_bytes
from starbench.config.measure import NumberBits
from starbench.encoders.shape import Encoder

PER_MILLION = 1_000_000


def index_bytes(dim: int, bits: NumberBits, passages: int = PER_MILLION) -> int:
    """Return the bytes of the vectors of a flat index, without ids and without an overhead."""
    return vector_bytes(dim, bits) * passages


def multiply_adds(encoder: Encoder, lengths: np.ndarray, layers: int) -> float:
    """Return the multiply-adds of encoding a text with the first layers, mean over the texts.

    Counted are the matrix products and the attention of each layer
    (`starbench.encoders.shape.Encoder`); a product and the addition behind it count as one.

    Args:
        encoder: the shape of the encoder.
        lengths: tokens of each text (texts,).
        layers: how many of the first layers are used.
    """
    return float(np.mean([encoder.forward(tokens, tokens, layers) / 2 for tokens in lengths]))


def sizes_of_vectors(
    dims: Sequence[int], bits: Sequence[NumberBits]
) -> Iterator[tuple[int, NumberBits, int, int]]:
    """Yield (dim, bits, bytes of a vector, bytes of a million of them)."""
    for dim in dims:
        for each in bits:
            yield dim, each, vector_bytes(dim, each), index_bytes(dim, each)
