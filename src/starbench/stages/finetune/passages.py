"""Batches of queries with a positive and hard negatives, drawn anew each epoch."""

# Q = queries of a batch, N = negatives of a query, K = most right answers of a query

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from starbench.draws import epoch_order, generator, key_of
from starbench.store.records import passage_text

NO_ANSWER = 0
"""Key that no text has: fills the rows of queries with fewer right answers than others."""


def training_order(rows: int, count: int, seed: int) -> Dataset:
    """Return `count` places {row, epoch} in training order, a function of the seed alone.

    The records themselves stay on disk: a place is looked up when its batch is made.
    """
    order = epoch_order(rows, count, seed, "finetune")
    return Dataset.from_dict({"row": order, "epoch": [place // rows for place in range(count)]})


class PassageCollator:
    """Makes a batch of tokenized queries and passages, and the keys of their texts.

    Of each query one of its positives and `negatives` of its negatives are drawn, a function of
    (seed, epoch, row) alone. A query with fewer negatives has some of them twice.

    Args:
        rows: records of kind ``training-queries``.
        tokenizer: the backbone's.
        negatives: hard negatives of a query.
        query_length: longest query in tokens.
        passage_length: longest passage in tokens.
        seed: the training's seed.
    """

    valid_label_columns = ("label",)

    def __init__(
        self,
        rows: Dataset,
        tokenizer: PreTrainedTokenizerBase,
        negatives: int,
        query_length: int,
        passage_length: int,
        seed: int,
    ) -> None:
        self.rows, self.tokenizer, self.negatives, self.seed = rows, tokenizer, negatives, seed
        self.query_length, self.passage_length = query_length, passage_length

    def __call__(self, places: Sequence[dict[str, int]]) -> dict[str, Tensor]:
        """Return the features of the queries (Q), of the passages (Q * (1 + N)), and the keys.

        Passages stand with all positives first, then every query's first negative, and so on.
        The label (Q, 1 + N + K) holds the keys of each query's passages, then of all its right
        answers.
        """
        records = self.rows[[place["row"] for place in places]]
        groups, answers = [], []
        for number, place in enumerate(places):
            positives = [passage_text(p) for p in records["positive_passages"][number]]
            negatives = [passage_text(p) for p in records["negative_passages"][number]]
            groups.append(self._drawn(positives, negatives, place))
            answers.append(positives)
        passages = [group[n] for n in range(1 + self.negatives) for group in groups]
        return {
            **self._tokenized("query", records["query"], self.query_length),
            **self._tokenized("passage", passages, self.passage_length),
            "label": _keys(groups, answers),
        }

    def _drawn(
        self, positives: list[str], negatives: list[str], place: dict[str, int]
    ) -> list[str]:
        draw = generator(self.seed, "finetune", "passages", place["epoch"], place["row"])
        positive = positives[draw.integers(len(positives))]
        enough = len(negatives) >= self.negatives
        chosen = draw.choice(len(negatives), size=self.negatives, replace=not enough)
        return [positive, *(negatives[number] for number in chosen)]

    def _tokenized(self, column: str, texts: list[str], length: int) -> dict[str, Tensor]:
        features: dict[str, Any] = self.tokenizer(
            list(texts), truncation=True, max_length=length, padding=True, return_tensors="pt"
        )
        return {f"{column}_{name}": features[name] for name in ("input_ids", "attention_mask")}


def _keys(groups: list[list[str]], answers: list[list[str]]) -> Tensor:
    most = max(map(len, answers))
    rows = [
        [*map(_key, group), *map(_key, right), *[NO_ANSWER] * (most - len(right))]
        for group, right in zip(groups, answers, strict=True)
    ]
    return torch.tensor(rows, dtype=torch.long)


def _key(text: str) -> int:
    """Return a positive number that equal texts share (and others, once in 2^62, do not)."""
    return (key_of(text) >> 1) | 1
