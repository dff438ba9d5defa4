"""Sizes: how many layers and how many dimensions of an elastic model are used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from starbench.errors import InputError


@dataclass(frozen=True, order=True)
class Size:
    """A model cut to its first `layers` layers and its embedding to the first `dim` dimensions.

    Sizes are ordered by layers, then dim, and written ``n2-d32`` in paths and scores.
    """

    layers: int
    dim: int

    def __post_init__(self) -> None:
        if self.layers < 1 or self.dim < 1:
            raise ValueError(f"a size needs at least 1 layer and 1 dimension, got {self}")

    def __str__(self) -> str:
        return f"n{self.layers}-d{self.dim}"


def layers_of(sizes: Iterable[Size]) -> list[int]:
    """Return the distinct numbers of layers of `sizes`, ascending."""
    return sorted({size.layers for size in sizes})


def dims_of(sizes: Iterable[Size]) -> list[int]:
    """Return the distinct dimensions of `sizes`, ascending."""
    return sorted({size.dim for size in sizes})


def grid_of(sizes: Iterable[Size]) -> list[Size]:
    """Return every trained number of layers combined with every trained dimension, ascending."""
    sizes = list(sizes)
    return [Size(layers, dim) for layers in layers_of(sizes) for dim in dims_of(sizes)]


def widest_dim_by_layer(sizes: Iterable[Size]) -> dict[int, int]:
    """Return for each number of layers the largest dimension that any of `sizes` wants of it."""
    widest: dict[int, int] = {}
    for size in sizes:
        widest[size.layers] = max(size.dim, widest.get(size.layers, 0))
    return dict(sorted(widest.items()))


def check_sizes(sizes: Sequence[Size], depth: int, width: int, what: str) -> None:
    """Raise InputError unless `sizes` increase and fit `what`, of `depth` layers and `width`."""
    for size in sizes:
        if size.layers > depth:
            raise InputError(f"size {size}: {what} has {depth} layers, not {size.layers}")
        if size.dim > width:
            raise InputError(f"size {size}: {what} has {width} dimensions, not {size.dim}")
    for smaller, larger in pairwise(sizes):
        if larger.layers < smaller.layers or larger.dim < smaller.dim or larger == smaller:
            raise InputError(f"sizes must increase: {larger} comes after {smaller}")
