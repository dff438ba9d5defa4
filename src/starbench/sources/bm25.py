"""BM25 over a list of texts: hard negatives for training, and the floor of retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

K1, B = 1.5, 0.75
"""The usual parameters; both also the defaults of bm25s."""


class Bm25:
    """An index of texts: words in lower case, without English stop words, not stemmed."""

    def __init__(self, texts: Sequence[str], k1: float = K1, b: float = B) -> None:
        import bm25s

        self._count = len(texts)
        self._index = bm25s.BM25(k1=k1, b=b)
        tokens = _tokens(texts)
        self._has_words = any(map(len, tokens.ids))
        if self._has_words:
            self._index.index(tokens, show_progress=False)

    def top(self, queries: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows, scores), both (queries, min(k, texts)), best first.

        A text that shares no word with the query scores 0. Texts without any word, which the
        library does not index, all do, and are in their own order.
        """
        shape = len(queries), min(k, self._count)
        if not self._has_words:
            rows = np.broadcast_to(np.arange(shape[1]), shape)
            return rows, np.zeros(shape, dtype=np.float32)
        rows, scores = self._index.retrieve(
            _tokens(queries), k=shape[1], show_progress=False, sorted=True
        )
        return np.asarray(rows), np.asarray(scores)


def _tokens(texts: Sequence[str]) -> Any:
    import bm25s

    return bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
