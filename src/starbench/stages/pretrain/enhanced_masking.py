"""Examples of enhanced decoding: which tokens each position of the decoder may see."""

# T = tokens, M = masks drawn for one text

from __future__ import annotations

import numpy as np

from starbench.config.training import Pretraining
from starbench.stages.pretrain.masking import UNLABELLED, Vocabulary, hidden_words, mask_words

MOST_MASKS = 256
"""Masks of words that are drawn for one text; its positions share them."""


def enhanced_example(
    ids: np.ndarray,
    words: np.ndarray,
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return the arrays of one text (RetroMAE: staoxiao/RetroMAE, src/pretrain/data.py).

    The encoder's words are hidden as in SMAE. The decoder reads the text as it is: position i
    sees the tokens that one of min(T, 256) masks of `decoder_mask_rate` leaves, drawn for it, but
    not token i, and always the first position. Every token but the first and the last is predicted.

    Returns:
        `encoder_ids`, `encoder_labels`, `decoder_ids`, `decoder_labels`, each (T,), and
        `decoder_sees` (T, T), true where the row's position sees the column's.
    """
    masked = mask_words(ids, words, settings, vocabulary, draw)
    tokens = len(ids)
    hidden_MT = np.array(
        [
            hidden_words(ids, words, settings, vocabulary, draw)
            for _ in range(min(tokens, MOST_MASKS))
        ]
    )
    sees_TT = ~hidden_MT[draw.integers(len(hidden_MT), size=tokens)]
    np.fill_diagonal(sees_TT, False)
    sees_TT[:, 0] = True
    labels = ids.astype(np.int64)
    labels[[0, -1]] = UNLABELLED
    return {
        "encoder_ids": masked.encoder_ids,
        "encoder_labels": masked.encoder_labels,
        "decoder_ids": ids,
        "decoder_labels": labels,
        "decoder_sees": sees_TT,
    }
