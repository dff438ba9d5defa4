"""Whole-word masking for the encoder and the decoder, a pure function of what it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from starbench.config.training import Pretraining

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
    size: int
    """Number of all tokens; their ids are below it."""
    unknown: int | None = None
    """Id of the token that stands for words without pieces of their own, if there is one."""


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
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> MaskedText:
    """Hide whole words of one text, once for the encoder and once for the decoder.

    The words are shuffled once: the encoder hides the first of them and the decoder at least
    those, so that the encoder's mask is a subset (Starbucks, section 3.2). Of the tokens chosen
    80 % become [MASK], 10 % a random token, 10 % stay; that is decided token by token, and anew
    for the decoder. By default as in the published collator (ielab/Starbucks: smae/data.py).

    Args:
        ids: token ids, shape (tokens,).
        words: number of the word that a token belongs to, -1 for special tokens, shape (tokens,).
        settings: mask rates, what they are rates of, and which tokens take part.
        vocabulary: the tokenizer's tokens.
        draw: where all draws come from.
    """
    masked = []
    for chosen in _chosen(ids, words, settings, vocabulary, draw):
        masked += [
            _replaced(ids, chosen, settings, vocabulary, draw),
            np.where(chosen, ids, UNLABELLED),
        ]
    return MaskedText(*masked)


def _chosen(
    ids: np.ndarray,
    words: np.ndarray,
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> list[np.ndarray]:
    """Return which tokens are hidden from the encoder, and which from the decoder, (tokens,)."""
    if not settings.mask_unknown and vocabulary.unknown is not None:
        words = np.where(ids == vocabulary.unknown, -1, words)
    numbers, lengths = np.unique(words[words >= 0], return_counts=True)
    order = draw.permutation(len(numbers))
    hidden = (
        _first_words(lengths[order], settings)
        if settings.mask_budget == "words"
        else _words_that_fit(lengths[order], len(ids), settings)
    )
    return [np.isin(words, numbers[order[places]]) for places in hidden]


def hidden_words(
    ids: np.ndarray,
    words: np.ndarray,
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> np.ndarray:
    """Return one mask of the decoder's rate: which tokens it hides, (tokens,); see `mask_words`."""
    return _chosen(ids, words, settings, vocabulary, draw)[1]


def masked_example(
    ids: np.ndarray,
    words: np.ndarray,
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return the arrays of `MaskedText` by their names; see `mask_words`."""
    return vars(mask_words(ids, words, settings, vocabulary, draw))


def _first_words(lengths: np.ndarray, settings: Pretraining) -> list[list[int]]:
    """Return the places of the words that each of the two hides: a share of the words."""
    rates = (settings.encoder_mask_rate, settings.decoder_mask_rate)
    return [list(range(len(lengths)))[: max(1, round(rate * len(lengths)))] for rate in rates]


def _words_that_fit(
    lengths: np.ndarray, tokens: int, settings: Pretraining
) -> tuple[list[int], list[int]]:
    """Return the places of the words that each of the two hides: a share of the tokens.

    Words are taken in order until the decoder's share is reached; one that would exceed it is
    passed over. Of those taken, the encoder hides what fits into its own share.
    """
    most_encoder = max(1, round(settings.encoder_mask_rate * tokens))
    most_decoder = max(1, round(settings.decoder_mask_rate * tokens))
    encoder: list[int] = []
    decoder: list[int] = []
    in_encoder = in_decoder = 0
    for place, length in enumerate(lengths.tolist()):
        if in_decoder >= most_decoder:
            break
        if in_decoder + length > most_decoder:
            continue
        decoder.append(place)
        in_decoder += length
        if in_encoder + length <= most_encoder:
            encoder.append(place)
            in_encoder += length
    return encoder, decoder


def _replaced(
    ids: np.ndarray,
    chosen: np.ndarray,
    settings: Pretraining,
    vocabulary: Vocabulary,
    draw: np.random.Generator,
) -> np.ndarray:
    fate = draw.random(len(ids))
    other = (
        draw.choice(vocabulary.ordinary, len(ids))
        if settings.random_tokens == "ordinary"
        else draw.integers(vocabulary.size, size=len(ids))
    )
    replaced = np.where(chosen & (fate < MASKED), vocabulary.mask, ids)
    return np.where(chosen & (fate >= MASKED) & (fate < MASKED + RANDOM), other, replaced)
