"""Batches of queries with a positive and hard negatives, others in each epoch."""

# Q = queries of a batch, N = negatives of a query, K = most right answers of a query

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from starbench.draws import generator, key_of
from starbench.stages.finetune.order import TrainingOrder
from starbench.store.records import passage_text

NO_ANSWER = 0
"""Key that no text has: fills the rows of queries with fewer right answers than others."""


def training_places(order: TrainingOrder) -> Dataset:
    """Return the places {row, epoch} of a training, in its order.

    The records themselves stay on disk: a place is looked up when its batch is made.
    """
    return Dataset.from_dict({"row": order.rows, "epoch": order.epochs})


class PassageCollator:
    """Makes a batch of tokenized queries and passages, and the keys of their texts.

    Of each query there are one of its positives and `negatives` of its negatives, a function of
    (seed, epoch, row) alone. A query with fewer negatives has some of them twice.

    Args:
        rows: records of kind ``training-queries``.
        tokenizer: the backbone's.
        negatives: hard negatives of a query.
        query_length: longest query in tokens.
        passage_length: longest passage in tokens.
        seed: the training's seed.
        cycled: whether passages take turns from epoch to epoch, by the rule and with the numbers
            of Tevatron (texttron/tevatron: src/tevatron/retriever/dataset.py), or are drawn anew.
        prompts: {column, ``query`` or ``passage``: its prompt and the prompt's tokens}.
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
        cycled: bool = True,
        prompts: Mapping[str, tuple[str, int]] = MappingProxyType({}),
    ) -> None:
        self.rows, self.tokenizer, self.negatives, self.seed = rows, tokenizer, negatives, seed
        self.cycled, self.prompts = cycled, prompts
        self.query_length, self.passage_length = query_length, passage_length

    def __call__(self, places: Sequence[dict[str, int]]) -> dict[str, Tensor]:
        """Return the features of the queries (Q), of the passages (Q * (1 + N)), and the keys.

        Passages are ordered with all positives first, then every query's first negative, and so on.
        The label (Q, 1 + N + K) holds the keys of each query's passages, then of all its right
        answers.
        """
        records = self.rows[[place["row"] for place in places]]
        groups, answers = [], []
        for number, place in enumerate(places):
            positives = [passage_text(p) for p in records["positive_passages"][number]]
            negatives = [passage_text(p) for p in records["negative_passages"][number]]
            chosen = self._cycled if self.cycled else self._drawn
            groups.append(chosen(positives, negatives, place))
            answers.append(positives)
        passages = [group[n] for n in range(1 + self.negatives) for group in groups]
        return {
            **self._tokenized("query", records["query"], self.query_length),
            **self._tokenized("passage", passages, self.passage_length),
            "label": _keys(groups, answers),
        }

    def _cycled(
        self, positives: list[str], negatives: list[str], place: dict[str, int]
    ) -> list[str]:
        key, epoch = self.seed + place["row"], place["epoch"]
        positive = positives[(key + epoch) % len(positives)]
        if len(negatives) < self.negatives:
            draw = generator(self.seed, "finetune", "passages", epoch, place["row"])
            return [positive, *self._some(negatives, draw)]
        shuffled = list(negatives)
        random.Random(key).shuffle(shuffled)
        first = epoch * self.negatives % max(1, len(negatives))
        return [positive, *(shuffled * 2)[first : first + self.negatives]]

    def _drawn(
        self, positives: list[str], negatives: list[str], place: dict[str, int]
    ) -> list[str]:
        draw = generator(self.seed, "finetune", "passages", place["epoch"], place["row"])
        positive = positives[draw.integers(len(positives))]
        return [positive, *self._some(negatives, draw)]

    def _some(self, negatives: list[str], draw: np.random.Generator) -> list[str]:
        enough = len(negatives) >= self.negatives
        chosen = draw.choice(len(negatives), size=self.negatives, replace=not enough)
        return [negatives[number] for number in chosen]

    def _tokenized(self, column: str, texts: list[str], length: int) -> dict[str, Tensor]:
        prompt, prompt_length = self.prompts.get(column, ("", 0))
        texts = [prompt + text for text in texts]
        features: dict[str, Any] = self.tokenizer(
            texts, truncation=True, max_length=length, padding=True, return_tensors="pt"
        )
        kept = {f"{column}_{name}": features[name] for name in ("input_ids", "attention_mask")}
        if prompt_length:
            kept[f"{column}_prompt_length"] = torch.full((len(texts),), prompt_length)
        return kept


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
