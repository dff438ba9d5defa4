"""Linear classifiers of embeddings: a model's own heads, and probes of those that have none."""

# N = texts, C = labels, D = dimensions

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

ITERATIONS = 100
"""At most, as MTEB's classification tasks have it."""


@dataclass(frozen=True)
class Classifier:
    """softmax(W (v - mean) / deviation + b)."""

    classes: np.ndarray
    """The labels, (C,)."""
    weights: np.ndarray
    """(C, D)"""
    bias: np.ndarray
    """(C,)"""
    mean: np.ndarray | float = 0.0
    deviation: np.ndarray | float = 1.0

    def probabilities(self, embeddings_ND: np.ndarray) -> np.ndarray:
        """Return the probability (N, C) of each label for each text."""
        centred_ND = (embeddings_ND.astype(np.float32) - self.mean) / self.deviation
        found: np.ndarray = softmax(centred_ND @ self.weights.T + self.bias, axis=1)
        return found


def fit_probe(embeddings_ND: np.ndarray, labels_N: np.ndarray) -> Classifier:
    """Return a logistic regression (scikit-learn's, C = 1) on dimensions of unit variance.

    Args:
        embeddings_ND: embeddings of examples.
        labels_N: their labels, of which there are two or more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    given_ND = embeddings_ND.astype(np.float32)
    mean_D, deviation_D = given_ND.mean(axis=0), given_ND.std(axis=0)
    # A dimension that says nothing, but for rounding, is not blown up to the size of the others.
    deviation_D = np.maximum(deviation_D, max(1e-6 * deviation_D.max(), 1e-12))
    probe = LogisticRegression(max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit((given_ND - mean_D) / deviation_D, labels_N)
    weights, bias = probe.coef_, probe.intercept_
    if len(weights) == 1:  # of two labels, the logit of the second one
        weights, bias = np.vstack([0 * weights, weights]), np.array([0.0, bias[0]])
    return Classifier(
        probe.classes_,
        weights.astype(np.float32),
        bias.astype(np.float32),
        mean_D,
        deviation_D,
    )
