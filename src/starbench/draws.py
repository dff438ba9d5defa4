"""Randomness as a pure function of what it is for: a resumed run draws what it would have."""

from __future__ import annotations

import hashlib

import numpy as np


def key_of(*parts: int | str) -> int:
    """Return a 64-bit number that depends on all of `parts` (seed, stage, epoch, index ...)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator(*parts: int | str) -> np.random.Generator:
    """Return a NumPy generator whose draws are a pure function of `parts`."""
    return np.random.Generator(np.random.PCG64(key_of(*parts)))


def epoch_order(rows: int, count: int, *parts: int | str) -> np.ndarray:
    """Return `count` example indices: whole shuffles of ``range(rows)``, a new one each epoch.

    Shape (count,), int64. Epoch e's order depends on `parts` and e only.
    """
    epochs = -(-count // rows)
    orders = [generator(*parts, "epoch", epoch).permutation(rows) for epoch in range(epochs)]
    return np.concatenate(orders)[:count]
