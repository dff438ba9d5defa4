"""Adaptive classification: each text is classified at the first size that is confident enough."""

# N = texts

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from starbench.sizes import Size, dims_of, layers_of

GRID = np.linspace(0, 1, 100)
"""The thresholds that are tried."""


@dataclass(frozen=True)
class Predicted:
    """What a classifier says of texts at one size."""

    confidence: np.ndarray
    """The largest probability of each text, (N,)."""
    correct: np.ndarray
    """Whether the label that has it is right, (N,) of bool."""


@dataclass(frozen=True)
class Chain:
    """Sizes that are tried one after another, from the smallest upwards."""

    name: str
    """What grows: `dims`, `layers`, or both with the trained `sizes`."""
    sizes: tuple[Size, ...]


class Policy(NamedTuple):
    """Which size of a chain classifies each text."""

    name: str
    """`fixed`: the same for all; `threshold`; `oracle`: the first one that is right, if any is."""
    upto: int
    """The number of the largest size that may be tried, from 0."""
    exits: np.ndarray
    """The number of the size that each text is classified at, (N,)."""


def chains_of(cells: Sequence[Size], trained: Sequence[Size]) -> list[Chain]:
    """Return the chains of two sizes or more that a model is scored at, each once.

    Args:
        cells: what the model is scored at.
        trained: the sizes of the run.
    """
    full = trained[-1]
    tried = {
        "dims": tuple(Size(full.layers, dim) for dim in dims_of(trained)),
        "layers": tuple(Size(layers, full.dim) for layers in layers_of(trained)),
        "sizes": tuple(trained),
    }
    found: list[Chain] = []
    for name, sizes in tried.items():
        is_new = sizes not in [chain.sizes for chain in found]
        if len(sizes) > 1 and is_new and set(sizes) <= set(cells):
            found.append(Chain(name, sizes))
    return found


def thresholds(held_back: Sequence[Predicted]) -> list[float]:
    """Return the confidence at which a text is classified at each size but the last.

    Between a size and the next one, it is the smallest of `GRID` at which most texts are right if
    those at or above it are classified at the size, and the others at the next one.

    Source: Matryoshka Representation Learning (arXiv 2205.13147), section 4.2.1 and appendix D.1.

    Args:
        held_back: what is said of the same texts at each size of a chain.
    """
    found = []
    for small, large in pairwise(held_back):
        stays_GN = small.confidence >= GRID[:, None]
        right_G = np.where(stays_GN, small.correct, large.correct).sum(axis=1)
        found.append(float(GRID[right_G.argmax()]))
    return found


def policies(test: Sequence[Predicted], learned: Sequence[float]) -> list[Policy]:
    """Return every policy of a chain, each up to every size of it.

    Args:
        test: what is said of the same texts at each size.
        learned: the threshold of each size but the last.
    """
    count = len(test[0].correct)
    confident_SN = np.stack([p.confidence >= t for p, t in zip(test, [*learned, 0.0], strict=True)])
    correct_SN = np.stack([p.correct for p in test])
    found = []
    for upto in range(len(test)):
        found.append(Policy("fixed", upto, np.full(count, upto)))
        found.append(Policy("threshold", upto, _first(confident_SN[: upto + 1], upto)))
        found.append(Policy("oracle", upto, _first(correct_SN[: upto + 1], 0)))
    return found


def _first(holds_SN: np.ndarray, otherwise: int) -> np.ndarray:
    """Return for each text the first size at which something holds, another one if at none."""
    found: np.ndarray = np.where(holds_SN.any(axis=0), holds_SN.argmax(axis=0), otherwise)
    return found


@dataclass(frozen=True)
class Work:
    """What classifying a text takes.

    Args:
        of_layer: multiply-adds of one layer for a text of mean length.
        classes: how many labels there are.
        shared: whether one head serves every size, so that trying a larger dimension only takes
            the further columns.
    """

    of_layer: float
    classes: int
    shared: bool

    def of(self, chain: Chain, policy: Policy) -> dict[str, float]:
        """Return the means over the texts, by the columns of the file.

        `dims` are those of the size that classifies, `dims_read` those that all heads tried have
        read: of an oracle those of the one alone.
        """
        dims = np.array([size.dim for size in chain.sizes])
        layers = np.array([size.layers for size in chain.sizes])
        tries_all = policy.name == "threshold" and not (self.shared and chain.name == "dims")
        read = dims.cumsum() if tries_all else dims
        work = layers * self.of_layer + read * self.classes
        means = {"dims": dims, "dims_read": read, "layers": layers, "multiply_adds": work}
        return {name: float(values[policy.exits].mean()) for name, values in means.items()}
