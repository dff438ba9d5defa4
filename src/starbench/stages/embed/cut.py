"""Cuts of embeddings other than to the first dimensions: is Matryoshka training needed at all?"""

# N = texts, B = texts of a batch, E = dimensions of an embedding, D = directions

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from starbench.draws import generator

EPSILON = 1e-5
"""What is added to each variance before whitening, as a share of the mean variance of a layer."""


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


@dataclass(frozen=True)
class Directions:
    """What a layer's embeddings are projected to: (x - mean) @ directions."""

    mean: np.ndarray
    """(E,)"""
    directions: np.ndarray
    """(E, D)"""


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


def principal(embeddings_NE: np.ndarray, whitens: bool, dims: int) -> Directions:
    """Return the first principal components of embeddings, if asked for with unit variance.

    A component's sign is that which makes its largest element positive.

    Args:
        embeddings_NE: embeddings of training texts.
        whitens: whether each component is divided by its standard deviation.
        dims: how many components.
    """
    mean_E = embeddings_NE.mean(axis=0, dtype=np.float64)
    centred_NE = embeddings_NE - mean_E
    covariance_EE = centred_NE.T @ centred_NE / len(centred_NE)
    variances, vectors_EE = np.linalg.eigh(covariance_EE)
    order = np.argsort(-variances, kind="stable")[:dims]
    directions_ED = vectors_EE[:, order]
    largest = np.abs(directions_ED).argmax(axis=0)
    directions_ED = directions_ED * np.sign(directions_ED[largest, np.arange(len(order))])
    if whitens:
        epsilon = EPSILON * max(variances.mean(), np.finfo(np.float64).tiny)
        directions_ED = directions_ED / np.sqrt(np.maximum(variances[order], 0) + epsilon)
    return Directions(mean_E.astype(np.float32), directions_ED.astype(np.float32))


CUTS: dict[str, Callable[[np.ndarray, int], Directions]] = {
    "pca": lambda embeddings_NE, dims: principal(embeddings_NE, False, dims),
    "whitening": lambda embeddings_NE, dims: principal(embeddings_NE, True, dims),
}
"""What fits the directions of one layer, by the cut's name in the config."""
