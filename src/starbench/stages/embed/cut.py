"""Cuts of embeddings other than to the first dimensions: is Matryoshka training needed at all?"""

# N = texts, B = texts of a batch, E = dimensions of an embedding, D = directions

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from starbench.draws import generator
from starbench.encoders.directions import Directions, principal


class Cut(Protocol):
    """Puts the dimensions of a layer's embeddings into the order in which they are kept."""

    def __call__(self, layer: int, embeddings_BE: np.ndarray) -> np.ndarray:
        """Return (B, D): a size keeps the first of them."""
        ...


class RandomCut:
    """Random dimensions, of each layer its own; those of a smaller size are among a larger one's.

    Source: the baseline "random features" of Matryoshka Representation Learning (arXiv 2205.13147).
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, layer: int, embeddings_BE: np.ndarray) -> np.ndarray:
        """Return the embeddings with their dimensions in a random order, (B, E)."""
        draw = generator(self.seed, "embed", "cut", layer)
        return embeddings_BE[:, draw.permutation(embeddings_BE.shape[1])]


class FittedCut:
    """Principal components of training texts' embeddings, those of the largest variance first.

    Source: the baseline "SVD" of Matryoshka Representation Learning (arXiv 2205.13147).
    """

    def __init__(self, by_layer: Mapping[int, Directions]) -> None:
        self.by_layer = by_layer

    def __call__(self, layer: int, embeddings_BE: np.ndarray) -> np.ndarray:
        """Return the embeddings along the directions, (B, D), float32."""
        found = self.by_layer[layer]
        return ((embeddings_BE - found.mean) @ found.directions).astype(np.float32)


CUTS: dict[str, Callable[[np.ndarray, int], Directions]] = {
    "pca": lambda embeddings_NE, dims: principal(embeddings_NE, False, dims),
    "whitening": lambda embeddings_NE, dims: principal(embeddings_NE, True, dims),
}
"""What fits the directions of one layer, by the cut's name in the config."""
