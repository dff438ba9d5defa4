"""Documents as token ids, and the masked window that each position of a training gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from starbench.config.amounts import PAD_TO
from starbench.config.training import Pretraining
from starbench.draws import epoch_order, generator
from starbench.errors import InputError
from starbench.machine.progress import Progress
from starbench.stages.pretrain.masking import UNLABELLED, Vocabulary, masked_example

TEXTS_AT_ONCE = 1000

MOST_COUNTED = 2000
"""Documents whose tokens are counted for `frequency_loss`."""

MaskExample = Callable[
    [np.ndarray, np.ndarray, Pretraining, Vocabulary, np.random.Generator], dict[str, np.ndarray]
]
"""(ids, words, settings, vocabulary, draw) -> the arrays of one text"""


class Documents(Protocol):
    """Documents as tokens without the special ones."""

    def __len__(self) -> int:
        """Return the number of documents."""

    def document(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a document's token ids, and whether each starts a word; both (tokens,)."""


@dataclass(frozen=True)
class TokenizedDocuments:
    """Documents tokenized beforehand, one after another."""

    ids: np.ndarray
    """Token ids of all documents, int32, shape (tokens,)."""
    starts_word: np.ndarray
    """Whether a token starts a word, shape (tokens,)."""
    offsets: np.ndarray
    """Where each document starts, and the end of the last, shape (documents + 1,)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def document(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a document's token ids, and whether each starts a word; both (tokens,)."""
        start, end = self.offsets[number : number + 2]
        return self.ids[start:end], self.starts_word[start:end]


class TextDocuments:
    """Documents that stay text and are tokenized when their turn comes: any number of them.

    One without a token is an example without a mask, where `tokenize_documents` leaves it out.
    """

    def __init__(self, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> None:
        self._texts, self._tokenizer = texts, tokenizer

    def __len__(self) -> int:
        return len(self._texts)

    def document(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a document's token ids, and whether each starts a word; both (tokens,)."""
        (tokens,) = _tokenized([self._texts[number]], self._tokenizer)
        return tokens


def _tokenized(
    texts: list[str], tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each text's ids, and whether a token starts a word.

    A text that mentions ``[SEP]`` gives ordinary pieces: only our own special tokens are such.
    """
    encoded = tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False)
    for encoding in encoded.encodings:
        words = np.array(encoding.word_ids, dtype=np.int64)
        yield np.array(encoding.ids, dtype=np.int32), np.diff(words, prepend=-1) != 0


def tokenize_documents(
    texts: Iterable[str], tokenizer: PreTrainedTokenizerBase, total: int | None = None
) -> TokenizedDocuments:
    """Tokenize documents once; those without any token are left out.

    Raises InputError if nothing is left.
    """
    rows = iter(texts)
    ids, starts, lengths = [], [], [0]
    with Progress("tokenize", total, "documents") as progress:
        while batch := list(islice(rows, TEXTS_AT_ONCE)):
            for tokens, starts_word in _tokenized(batch, tokenizer):
                if len(tokens):
                    ids.append(tokens)
                    starts.append(starts_word)
                    lengths.append(len(tokens))
            progress.step(len(batch))
    if not ids:
        raise InputError("the text datasets hold no token to train on")
    return TokenizedDocuments(np.concatenate(ids), np.concatenate(starts), np.cumsum(lengths))


def frequency_loss(documents: Documents) -> float:
    """Return the loss, in nats, of a model that predicts every token by its frequency alone.

    It is the entropy of the tokens of `MOST_COUNTED` documents, spread evenly.
    """
    numbers = np.linspace(0, len(documents) - 1, min(MOST_COUNTED, len(documents))).astype(int)
    ids = np.concatenate([documents.document(int(number))[0] for number in numbers])
    counts = np.unique_counts(ids).counts
    shares = counts / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


class MaskedExamples(Dataset[dict[str, np.ndarray]]):
    """The masked texts of a whole training, in training order.

    Position p is example ``order[p]`` of epoch ``p // documents``. Its window and its masks are a
    function of (seed, epoch, example) alone: not of what ran before, nor of who shares the work.
    """

    def __init__(
        self,
        documents: Documents,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: Vocabulary,
        settings: Pretraining,
        positions: int,
        seed: int,
        mask: MaskExample = masked_example,
    ) -> None:
        self.mask = mask
        self.documents, self.vocabulary, self.settings, self.seed = (
            documents,
            vocabulary,
            settings,
            seed,
        )
        self.first, self.last = tokenizer.cls_token_id, tokenizer.sep_token_id
        self.order = epoch_order(len(documents), positions, seed, "pretrain")

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict[str, np.ndarray]:
        """Return the arrays of one text, as the objective's examples have them."""
        example = int(self.order[position])
        draw = generator(
            self.seed, "pretrain", "epoch", position // len(self.documents), "example", example
        )
        ids, words = self._window(example, draw)
        return self.mask(ids, words, self.settings, self.vocabulary, draw)

    def _window(self, example: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return ids and word numbers of a document, cut to a random window if it is too long."""
        ids, starts_word = self.documents.document(example)
        room = self.settings.max_length - 2
        if len(ids) > room:
            start = draw.integers(0, len(ids) - room, endpoint=True)
            ids, starts_word = ids[start : start + room], starts_word[start : start + room]
        return (
            np.concatenate([[self.first], ids, [self.last]]),
            np.concatenate([[-1], np.cumsum(starts_word), [-1]]),
        )


class Padding:
    """Puts examples together, padded to a multiple of 8 tokens."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, examples: Sequence[dict[str, np.ndarray]]) -> dict[str, Any]:
        """Return tensors (examples, tokens) of all arrays, and the attention mask.

        Arrays (tokens, tokens) become (examples, tokens, tokens); what pads them is False.
        """
        lengths = [len(example["encoder_ids"]) for example in examples]
        longest = -(-max(lengths) // PAD_TO) * PAD_TO
        batch = {}
        for name in examples[0]:
            fill = UNLABELLED if name.endswith("labels") else self.pad
            batch[name] = _stacked([example[name] for example in examples], longest, fill)
        batch["attention_mask"] = (
            torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
        ).long()
        return batch


def _stacked(arrays: Sequence[np.ndarray], longest: int, fill: int) -> torch.Tensor:
    if arrays[0].ndim == 1:
        stacked = np.full((len(arrays), longest), fill, dtype=np.int64)
    else:
        stacked = np.zeros((len(arrays), longest, longest), dtype=bool)
    for row, array in enumerate(arrays):
        stacked[row][np.ix_(*map(range, array.shape))] = array
    return torch.from_numpy(stacked)
