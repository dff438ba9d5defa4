"""WordPiece tokenizers: one trained on the run's text for a backbone from scratch, and checks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizerFast, PreTrainedTokenizerBase

from starbench.errors import InputError
from starbench.pretraining.masking import Vocabulary


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, max_length: int
) -> PreTrainedTokenizerBase:
    """Return a lower-casing WordPiece tokenizer trained on `texts`.

    Args:
        texts: what to learn the word pieces from.
        vocabulary: most word pieces, special tokens included.
        max_length: longest input of the model, in tokens.
    """
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(texts, vocab_size=vocabulary, show_progress=False)
    return BertTokenizerFast(vocab=trained.get_vocab(), model_max_length=max_length)


def vocabulary_of(tokenizer: PreTrainedTokenizerBase, what: str) -> Vocabulary:
    """Return what masking needs of a tokenizer; InputError if it has no mask token."""
    if tokenizer.mask_token_id is None:
        raise InputError(f"{what}: its tokenizer has no mask token, which pre-training needs")
    special = set(tokenizer.all_special_ids)
    ordinary = [number for number in range(len(tokenizer)) if number not in special]
    return Vocabulary(tokenizer.mask_token_id, np.array(ordinary))
