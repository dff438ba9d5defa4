"""Any base loss at several sizes of one model, from the hidden states of one forward pass."""

# Q = rows of the first column, C = rows of all other columns, D = dimensions

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from starbench.draws import generator
from starbench.objectives.objective import Alignment, Objective, Term
from starbench.objectives.srl import Srl
from starbench.sizes import Size, check_sizes
from starbench.stages.finetune.base_losses import check_base_loss, check_not_wrapped
from starbench.stages.finetune.one_pass import depth_of, embed_columns, normalises, width_of


class LayeredLoss(nn.Module):
    """The base loss at the sizes that an objective names, plus its alignment to the full size.

    Each text is embedded once a step; a size's embeddings are the first `dim` columns of what
    the model's pooling gives on its layer's hidden states. Works in any
    SentenceTransformerTrainer script; nothing of the model is replaced.

    Args:
        model: the model to train.
        loss: a base loss with ``compute_loss_from_embeddings(embeddings, labels)``, as most
            losses of sentence-transformers have.
        sizes: the sizes to train, strictly ascending; each a `Size` or (layers, dim).
        objective: which of them a step trains, with which weights (see `objectives`).
        seed: seed of the objective's draws, which are a function of (seed, step) alone.
        mini_batch_size: texts embedded at a time, so that a large batch needs the memory of so
            many texts (gradient caching, see `embed_columns`); None for all at once.

    Raises:
        InputError: a size beyond the model, or a base loss that cannot be computed at several
            sizes, with what to use instead.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        loss: nn.Module,
        sizes: Sequence[Size | tuple[int, int]],
        objective: Objective,
        seed: int = 42,
        mini_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        aligned = objective if isinstance(objective, Alignment) and objective.kl_weight else None
        check_base_loss(loss, aligned is not None and aligned.kl_over == "scores")
        self.model = model
        self.loss: Any = loss
        self.full = Size(depth_of(model), width_of(model))
        self.sizes = [size if isinstance(size, Size) else Size(*size) for size in sizes]
        check_sizes(self.sizes, self.full.layers, self.full.dim, "the model")
        self.objective, self.seed = objective, seed
        self.mini_batch_size = mini_batch_size
        self.normalises = normalises(model)
        self._draw = generator(seed, "finetune", "step", 0)
        self._step_was_set = False
        self._calls = 0

    def start_step(self, step: int) -> None:
        """Make the draws of what follows a function of (seed, step).

        Without it (in a script of one's own) every call of the loss counts as a step.
        """
        self._draw = generator(self.seed, "finetune", "step", step)
        self._step_was_set = True

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the loss of one batch, a scalar.

        Args:
            sentence_features: one dict of token ids and attention mask for each text column.
            labels: passed on to the base loss.
        """
        if not self._step_was_set:
            self._draw = generator(self.seed, "finetune", "step", self._calls)
            self._calls += 1
        check_not_wrapped(self.model)
        terms = self.objective.terms(self.sizes, self.full, self._draw)
        layers = {term.size.layers for term in terms}
        if any(term.alignment for term in terms):
            layers.add(self.full.layers)
        columns = embed_columns(
            self.model, list(sentence_features), sorted(layers), self.mini_batch_size
        )
        device = columns[max(layers)][0].device
        # Eight bits of mantissa are too few for scores times 20: the loss itself is in fp32.
        with torch.autocast(device.type, enabled=False):
            return self.from_embeddings(columns, labels, terms)

    def from_embeddings(
        self, columns: dict[int, list[Tensor]], labels: Tensor | None, terms: Sequence[Term]
    ) -> Tensor:
        """Return the weighted sum of `terms`.

        Args:
            columns: for each layer the embeddings (rows, width) of each text column.
            labels: passed on to the base loss.
            terms: what to sum.
        """
        scores = self._scores_by_size(columns, labels, terms)
        summands = []
        for term in terms:
            if term.weight:
                base = self._base_loss(columns, labels, term.size, scores)
                summands.append(term.weight * base)
            if term.alignment:
                summands.append(term.alignment * self._alignment(columns, term, scores))
        return torch.stack(summands).sum()

    def _scores_by_size(
        self, columns: dict[int, list[Tensor]], labels: Tensor | None, terms: Sequence[Term]
    ) -> dict[Size, Tensor]:
        """Return the in-batch scores (Q, C) of every size that needs them, each made once.

        Only losses that part scoring from the loss (`RankingLoss`) can share them between the
        base loss and the alignment.
        """
        if not hasattr(self.loss, "from_scores"):
            return {}
        sizes = {term.size for term in terms if term.weight}
        if self._aligns_scores:
            aligned = {term.size for term in terms if term.alignment}
            sizes |= {*aligned, self.full} if aligned else set()
        return {
            size: self.loss.scores(self._cut_columns(columns, size), labels)
            for size in sorted(sizes)
        }

    @property
    def _aligns_scores(self) -> bool:
        return isinstance(self.objective, Alignment) and self.objective.kl_over == "scores"

    def _base_loss(
        self,
        columns: dict[int, list[Tensor]],
        labels: Tensor | None,
        size: Size,
        scores: dict[Size, Tensor],
    ) -> Tensor:
        loss: Tensor = (
            self.loss.from_scores(scores[size])
            if scores
            else self.loss.compute_loss_from_embeddings(self._cut_columns(columns, size), labels)
        )
        return loss

    def _cut_columns(self, columns: dict[int, list[Tensor]], size: Size) -> list[Tensor]:
        return [self._cut(column, size.dim) for column in columns[size.layers]]

    def _cut(self, embeddings: Tensor, dim: int) -> Tensor:
        cut = embeddings[:, :dim]
        return F.normalize(cut, dim=-1) if self.normalises else cut

    def _alignment(
        self, columns: dict[int, list[Tensor]], term: Term, scores: dict[Size, Tensor]
    ) -> Tensor:
        """KL(full || small), mean over rows, of dims (all texts) or of in-batch scores."""
        options = self.objective
        assert isinstance(options, Alignment)
        assert term.alignment_dim is not None
        if options.kl_over == "dims":
            student = torch.cat(columns[term.size.layers])[:, : term.alignment_dim]
            teacher = torch.cat(columns[self.full.layers])[:, : term.alignment_dim]
        elif scores:
            student, teacher = scores[term.size], scores[self.full]
        else:
            student = self._scores(columns, term.size)
            teacher = self._scores(columns, self.full)
        if options.kl_detach:
            teacher = teacher.detach()
        return kl_divergence(student, teacher, options.kl_temperature)

    def _scores(self, columns: dict[int, list[Tensor]], size: Size) -> Tensor:
        """In-batch scores (Q, C) of the first column against all others, as the base loss does."""
        cut = self._cut_columns(columns, size)
        scores: Tensor = self.loss.similarity_fct(cut[0], torch.cat(cut[1:])) * self.loss.scale
        return scores

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the model card says of the loss."""
        return {
            "loss": type(self.loss).__name__,
            "sizes": [str(size) for size in self.sizes],
            **self.objective.model_dump(),
        }


def kl_divergence(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Return KL(softmax(teacher/T) || softmax(student/T)), mean over rows; both (rows, D)."""
    return F.kl_div(
        F.log_softmax(student.float() / temperature, dim=-1),
        F.softmax(teacher.float() / temperature, dim=-1),
        reduction="batchmean",
    )


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
