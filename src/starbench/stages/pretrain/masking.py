"""Whole-word masking for the encoder and the decoder, a pure function of what it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNLABELLED = -100
"""Label of a token that is not predicted, as PyTorch's cross-entropy skips it."""

MASKED, RANDOM = 0.8, 0.1
"""Shares of the chosen tokens that become [MASK], and another token; the rest stay as they are."""


@dataclass(frozen=True)
class Vocabulary:
    """What masking needs to know of a tokenizer."""

    mask: int
    """Id of the mask token."""
    ordinary: np.ndarray
    """Ids of all tokens that are not special, shape (tokens,)."""


@dataclass(frozen=True)
class MaskedText:
    """One text with some words hidden; all arrays have shape (tokens,)."""

    encoder_ids: np.ndarray
    encoder_labels: np.ndarray
    decoder_ids: np.ndarray
    decoder_labels: np.ndarray


def mask_words(
    ids: np.ndarray,
    words: np.ndarray,
    encoder_rate: float,
    decoder_rate: float,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> MaskedText:
    """Hide whole words of one text, once for the encoder and once for the decoder.

    The words are shuffled once: the encoder hides the first of them and the decoder at least
    those, so that the encoder's mask is a subset (Starbucks, section 3.2). Of the tokens chosen
    80 % become [MASK], 10 % a random token that is not special, 10 % stay; that is decided token
    by token, and anew for the decoder.

    Args:
        ids: token ids, shape (tokens,).
        words: number of the word that a token belongs to, -1 for special tokens, shape (tokens,).
        encoder_rate: share of the words hidden from the encoder; one word at least.
        decoder_rate: share hidden from the decoder, not below `encoder_rate`.
        vocabulary: mask token and ordinary tokens.
        draw: where all draws come from.
    """
    shuffled = draw.permutation(np.unique(words[words >= 0]))
    masked = []
    for rate in (encoder_rate, decoder_rate):
        chosen = np.isin(words, shuffled[: max(1, round(rate * len(shuffled)))])
        masked += [_replaced(ids, chosen, vocabulary, draw), np.where(chosen, ids, UNLABELLED)]
    return MaskedText(*masked)


def _replaced(
    ids: np.ndarray, chosen: np.ndarray, vocabulary: Vocabulary, draw: np.random.Generator
) -> np.ndarray:
    fate = draw.random(len(ids))
    other = draw.choice(vocabulary.ordinary, len(ids))
    replaced = np.where(chosen & (fate < MASKED), vocabulary.mask, ids)
    return np.where(chosen & (fate >= MASKED) & (fate < MASKED + RANDOM), other, replaced)
