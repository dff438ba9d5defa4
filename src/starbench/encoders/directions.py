"""Directions that embeddings are projected to: principal components, whitened or not."""

# N = texts, E = dimensions of an embedding, D = directions

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EPSILON = 1e-5
"""What is added to each variance before whitening, as a share of the mean variance of a layer."""


@dataclass(frozen=True)
class Directions:
    """What a layer's embeddings are projected to: (x - mean) @ directions."""

    mean: np.ndarray
    """(E,)"""
    directions: np.ndarray
    """(E, D)"""


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
