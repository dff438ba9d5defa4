"""WordPiece tokenizers: one trained on the run's text for a backbone from scratch, and checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizerFast, PreTrainedTokenizerBase

from starbench.errors import InputError
from starbench.stages.pretrain.masking import Vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MOST_CHARACTERS = 1000
"""Rarer characters than this many are unknown, as in the tokenizers library."""


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, max_length: int, padding: int = 0
) -> PreTrainedTokenizerBase:
    """Return a lower-casing WordPiece tokenizer trained on `texts`: the same for the same texts.

    The library numbers the pieces ``##x`` in the order of a hash map, which no two trainings
    share, and breaks ties by these numbers. So it is told all pieces of one character, in order.

    Args:
        texts: what to learn the word pieces from; read twice.
        vocabulary: most word pieces, special tokens included.
        max_length: longest input of the model, in tokens.
        padding: id of the padding token, which changes places with the one that would have it.
    """
    special = list(SPECIAL)
    special[0], special[padding] = special[padding], special[0]
    trained = BertWordPieceTokenizer(lowercase=True)
    characters, continuing = _characters(_words(texts, trained), (vocabulary - len(SPECIAL)) // 2)
    trained.train_from_iterator(
        texts,
        vocab_size=vocabulary,
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        special_tokens=[*special, *characters, *(f"##{character}" for character in continuing)],
        show_progress=False,
    )
    return BertTokenizerFast(vocab=trained.get_vocab(), model_max_length=max_length)


def vocabulary_of(tokenizer: PreTrainedTokenizerBase, embedded: int, what: str) -> Vocabulary:
    """Return what masking needs of a tokenizer.

    Args:
        tokenizer: the backbone's tokenizer.
        embedded: how many tokens the backbone has embeddings of.
        what: what is being trained, for the error.

    Raises:
        InputError: it lacks a mask, start, end or padding token, or has tokens that the backbone
            does not know.
    """
    for kind, name in (("mask", "mask"), ("cls", "start"), ("sep", "end"), ("pad", "padding")):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise InputError(f"{what}: its tokenizer has no {name} token, which pre-training needs")
    if len(tokenizer) > embedded:
        raise InputError(
            f"{what}: its tokenizer has {len(tokenizer)} tokens, the backbone knows {embedded}"
        )
    special = set(tokenizer.all_special_ids)
    ordinary = [number for number in range(len(tokenizer)) if number not in special]
    return Vocabulary(
        tokenizer.mask_token_id, np.array(ordinary), len(tokenizer), tokenizer.unk_token_id
    )


def _words(texts: Iterable[str], tokenizer: BertWordPieceTokenizer) -> Iterator[str]:
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            yield word


def _characters(words: Iterable[str], most: int) -> tuple[list[str], list[str]]:
    """Return the most frequent characters, and those of them that are within words, sorted."""
    counts: Counter[str] = Counter()
    within: set[str] = set()
    for word, count in Counter(words).items():
        for character in word:
            counts[character] += count
        within.update(word[1:])
    by_frequency = sorted(counts, key=lambda character: (-counts[character], character))
    characters = sorted(by_frequency[: min(most, MOST_CHARACTERS)])
    return characters, [character for character in characters if character in within]
