"""How long texts are, in tokens: a sample that answers what planning asks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from statistics import NormalDist
from typing import TypeVar

import numpy as np

T = TypeVar("T")

SAMPLE = 1000
"""Texts that are looked at, at least, if there are so many."""
SPECIAL = 2
"""Special tokens of a text."""
TOKENS_PER_PIECE = 1.13
"""WordPieces of BERT a word or mark; 1.02 to 1.25 on seven English collections."""
TOKENS_PER_WORD = 1.3
"""The same a word as parted by spaces."""
BYTES_PER_TOKEN = 4.6
"""Bytes of English text a token."""
ARROW_OVERHEAD = 24
"""Bytes of a stored record besides its text: offsets and ids."""


def spread_evenly(items: Iterable[T]) -> tuple[list[T], int]:
    """Return `SAMPLE` to twice as many items from all over, and how many there are in all."""
    kept: list[T] = []
    count, stride = 0, 1
    for item in items:
        if count % stride == 0:
            kept.append(item)
            if len(kept) == 2 * SAMPLE:
                kept, stride = kept[::2], 2 * stride
        count += 1
    return kept, count


class Lengths:
    """Lengths of texts, special tokens included.

    Args:
        tokens: lengths of a sample of the texts.
    """

    def __init__(self, tokens: Iterable[float]) -> None:
        self.tokens = np.sort(np.asarray(list(tokens), dtype=float))

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> Lengths:
        """Estimate the lengths of texts; nothing is tokenized."""
        pieces = [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]
        return cls(TOKENS_PER_PIECE * count + SPECIAL for count in pieces)

    @classmethod
    def of_words(cls, mean: float, spread: float) -> Lengths:
        """Return a log-normal sample of texts with `mean` words and `spread` of the logarithm."""
        normal = NormalDist(-(spread**2) / 2, spread)
        shares = (np.arange(SAMPLE) + 0.5) / SAMPLE
        factors = np.exp([normal.inv_cdf(share) for share in shares])
        return cls(TOKENS_PER_WORD * mean * factors / factors.mean() + SPECIAL)

    def cut(self, longest: float) -> Lengths:
        """Return the lengths of the texts cut to `longest` tokens."""
        return Lengths(np.minimum(self.tokens, longest))

    @property
    def mean(self) -> float:
        """Tokens of a text."""
        return float(self.tokens.mean())

    @property
    def attended(self) -> float:
        """Tokens that a token attends to on average: long texts have more tokens."""
        return float((self.tokens**2).mean() / self.tokens.mean())

    def longest_of(self, texts: int) -> float:
        """Return the expected length of the longest of so many texts."""
        shares = (np.arange(len(self.tokens) + 1) / len(self.tokens)) ** texts
        return float((self.tokens * np.diff(shares)).sum())

    @property
    def bytes(self) -> float:
        """Bytes of a text on disk."""
        return (self.mean - SPECIAL) * BYTES_PER_TOKEN + ARROW_OVERHEAD
