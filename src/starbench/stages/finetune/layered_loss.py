"""Any base loss at several sizes of one model, from the hidden states of one forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from starbench.draws import generator
from starbench.objectives.checks import summands_of
from starbench.objectives.objective import Objective
from starbench.objectives.srl import Srl
from starbench.objectives.summands import Step, Summand
from starbench.sizes import Size, check_sizes, layers_of
from starbench.stages.finetune.base_losses import (
    check_base_loss,
    check_not_wrapped,
    check_summand,
    check_taught,
)
from starbench.stages.finetune.guide import Guide
from starbench.stages.finetune.one_pass import depth_of, embed_columns, normalises, width_of
from starbench.stages.finetune.step_loss import Lesson, StepLoss
from starbench.stages.finetune.teacher import Teacher
from starbench.stages.finetune.texts_read import TextsRead


class LayeredLoss(nn.Module):
    """The sum of an objective's terms: a base loss at several sizes, alignments, regularisers.

    Each text is embedded once a step; a size's embeddings are the first `dim` columns of what
    the model's pooling gives on its layer's hidden states. Works in any
    SentenceTransformerTrainer script; nothing of the model is replaced.

    Args:
        model: the model to train.
        loss: a base loss with ``compute_loss_from_embeddings(embeddings, labels)``, as most
            losses of sentence-transformers have.
        sizes: the sizes to train, strictly ascending; each a `Size` or (layers, dim).
        objective: what a step's loss is the sum of (see `objectives`).
        seed: seed of the objective's draws, which are a function of (seed, step) alone.
        mini_batch_size: texts embedded at a time, so that a large batch needs the memory of so
            many texts (gradient caching, see `embed_columns`); None for all at once.
        steps: steps of the whole training, for objectives that change in its course.
        teacher: a trained model whose in-batch scores every size is pulled towards.

    Raises:
        InputError: a size beyond the model, a base loss that cannot be computed at several sizes,
            with what to use instead, or an objective whose terms cannot be computed.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        loss: nn.Module,
        sizes: Sequence[Size | tuple[int, int]],
        objective: Objective,
        seed: int = 42,
        mini_batch_size: int | None = None,
        steps: int | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        check_base_loss(loss)
        self.model = model
        self.loss: Any = loss
        self.full = Size(depth_of(model), width_of(model))
        self.sizes = [size if isinstance(size, Size) else Size(*size) for size in sizes]
        check_sizes(self.sizes, self.full.layers, self.full.dim, "the model")
        self.objective, self.seed = objective, seed
        self.mini_batch_size, self.steps = mini_batch_size, steps
        self.normalises, self.teacher = normalises(model), teacher
        if teacher is not None:
            check_taught(loss)
        self.read = TextsRead()
        self._draw = generator(seed, "finetune", "step", 0)
        self._number: int | None = None
        self._calls = 0
        self._summands(0, generator(seed, "finetune", "step", 0))

    def _summands(self, number: int, draw: np.random.Generator) -> list[Summand]:
        step = Step(tuple(self.sizes), self.full, number, self.steps, draw)
        summands = summands_of(self.objective, step)
        for summand in summands:
            check_summand(self.loss, summand, self.objective)
        return summands

    def start_step(self, step: int) -> None:
        """Make what follows part of a step, and its draws a function of (seed, step).

        Without it (in a script of one's own) every call of the loss counts as a step.
        """
        self._draw = generator(self.seed, "finetune", "step", step)
        self._number = step

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of one batch, a scalar.

        Args:
            sentence_features: one dict of token ids and attention mask for each text column.
            labels: passed on to the base loss.
        """
        number = self._number
        if number is None:
            number = self._calls
            self._draw = generator(self.seed, "finetune", "step", number)
            self._calls += 1
        check_not_wrapped(self.model)
        summands = self._summands(number, self._draw)
        layers = layers_of(size for summand in summands for size in summand.reads)
        features = list(sentence_features)
        self.read.add(features)
        columns = embed_columns(self.model, features, layers, self.mini_batch_size)
        left_out, taught = self._left_out(features), self._taught(features)
        device = columns[layers[-1]][0].device
        # Eight bits of mantissa are too few for scores times 20: the loss itself is in fp32.
        with torch.autocast(device.type, enabled=False):
            return self.from_embeddings(columns, labels, summands, left_out, taught)

    def _left_out(self, features: Sequence[dict[str, Tensor]]) -> Tensor | None:
        """Return which candidates the base loss's guide leaves out; None without a guide."""
        guide: Guide | None = getattr(self.loss, "guide", None)
        if guide is None:
            return None
        embedded = guide.embed(self.model, features, self.mini_batch_size)
        left_out: Tensor = self.loss.left_out(embedded)
        return left_out

    def _taught(self, features: Sequence[dict[str, Tensor]]) -> Lesson | None:
        """Return what the teacher makes of a step's texts; None without a teacher."""
        teacher = self.teacher
        if teacher is None:
            return None
        embedded = teacher.embed(self.model, features, self.mini_batch_size)
        columns = [column.float() for column in embedded]
        if normalises(teacher.encoder):
            columns = [F.normalize(column, dim=-1) for column in columns]
        return Lesson(teacher, columns)

    def from_embeddings(
        self,
        columns: dict[int, list[Tensor]],
        labels: Tensor | None,
        summands: Sequence[Summand],
        left_out: Tensor | None = None,
        taught: Lesson | None = None,
    ) -> Tensor:
        """Return the weighted sum of `summands`, and of what a teacher adds.

        Args:
            columns: for each layer the embeddings (rows, width) of each text column.
            labels: passed on to the base loss.
            summands: what to sum.
            left_out: the candidates that are no negatives, where the base loss has a guide.
            taught: the lesson of the teacher, where there is one.
        """
        name = self.objective.name
        step = StepLoss(self.loss, columns, labels, self.normalises, name, left_out, taught)
        return step.of(summands)

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the model card says of the loss."""
        return {
            "loss": type(self.loss).__name__,
            "sizes": [str(size) for size in self.sizes],
            **self.objective.model_dump(),
        }


class StarbucksLoss(LayeredLoss):
    """Starbucks Representation Learning: a base loss at a fixed list of sizes, at every step.

    L = loss(full) + sum over the smaller sizes of [loss(size) + kl_weight * KL(full || size)].

    Args:
        model: the model to train.
        loss: a base loss that can compute from embeddings, e.g. MultipleNegativesRankingLoss.
        sizes: the list of sizes, ascending, e.g. ``[Size(2, 32), ..., Size(12, 768)]``.
        kl_weight: factor of the KL term, 0 to switch it off (published STS code: 0.3).
        kl_over: ``"dims"`` (published STS code) or ``"scores"`` (published retrieval code).
        kl_temperature: temperature inside both softmaxes.
        kl_detach: whether the full size is a fixed teacher (published retrieval code: True).
        mini_batch_size: texts embedded at a time, for batches larger than the memory.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from sentence_transformers.losses import MultipleNegativesRankingLoss
            from starbench import Size, StarbucksLoss

            model = SentenceTransformer("google-bert/bert-base-uncased")
            sizes = [Size(2, 32), Size(4, 64), Size(6, 128), Size(12, 768)]
            loss = StarbucksLoss(model, MultipleNegativesRankingLoss(model), sizes)
            SentenceTransformerTrainer(model=model, train_dataset=triplets, loss=loss).train()
    """

    def __init__(
        self,
        model: SentenceTransformer,
        loss: nn.Module,
        sizes: Sequence[Size | tuple[int, int]],
        kl_weight: float = 0.3,
        kl_over: Literal["dims", "scores"] = "dims",
        kl_temperature: float = 1.0,
        kl_detach: bool = False,
        mini_batch_size: int | None = None,
    ) -> None:
        objective = Srl(
            objective="srl",
            kl_weight=kl_weight,
            kl_over=kl_over,
            kl_temperature=kl_temperature,
            kl_detach=kl_detach,
        )
        super().__init__(model, loss, sizes, objective, mini_batch_size=mini_batch_size)
