"""What the steps of a training read, and how many multiply-adds that takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from starbench.encoders.shape import BACKWARD, Encoder, encoder_by
from starbench.stages.finetune.one_pass import unwrapped


class TextsRead:
    """Counts the tokens of what a loss is called with; on a GPU no step waits for it."""

    def __init__(self) -> None:
        self.calls = 0
        self._tokens: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def add(self, columns: Iterable[dict[str, Any]]) -> None:
        """Count the texts of one call: a dict with ``attention_mask`` (rows, T) per column."""
        self.calls += 1
        for column in columns:
            lengths = column["attention_mask"].sum(dim=1, dtype=torch.float64)
            self._tokens = self._tokens + lengths.sum()
            self._squares = self._squares + lengths.square().sum()

    @property
    def tokens(self) -> float:
        """Tokens of an average call, without padding; 0 before the first one."""
        return float(self._tokens) / max(1, self.calls)

    @property
    def attended(self) -> float:
        """Tokens that an average token attends to: those of its text."""
        return float(self._squares) / max(1.0, float(self._tokens))

    def multiply_adds(
        self,
        model: SentenceTransformer,
        beside: Iterable[SentenceTransformer] = (),
        frozen: bool = False,
    ) -> float:
        """Return the multiply-adds of an average call, by the formula of the planner.

        Args:
            model: what is trained: a forward and a backward pass through all its layers.
            beside: models that read the same texts and are not trained: a forward pass each.
            frozen: whether the model itself is not trained either, only what follows it.
        """
        passes = 1 if frozen else 1 + BACKWARD
        operations = passes * self._forward(model) + sum(map(self._forward, beside))
        return operations / 2

    def _forward(self, model: SentenceTransformer) -> float:
        return shape_of(model).forward(self.tokens, self.attended)


def shape_of(model: SentenceTransformer) -> Encoder:
    """Return the shape of a model's transformer."""
    return encoder_by(unwrapped(model)[0].auto_model.config.to_dict())
