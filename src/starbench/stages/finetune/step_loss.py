"""The loss of one step: the sum of an objective's summands, from the embeddings of its texts."""

# Q = rows of the first column, C = rows of all other columns, D = dimensions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starbench.errors import InputError
from starbench.objectives.summands import Align, Comparison, Over, Regulariser, Summand, Term
from starbench.sizes import Size
from starbench.stages.finetune.ranking_loss import MASKED
from starbench.stages.finetune.teacher import Teacher


@dataclass(frozen=True)
class Lesson:
    """What a teacher makes of the texts of a step."""

    teacher: Teacher
    columns: list[Tensor]
    """Its embeddings (rows, D) of each text column, as its model gives them."""


class StepLoss:
    """What the summands of a step are computed from; scores of a size are made once.

    Args:
        loss: the base loss.
        columns: for each layer the embeddings (rows, width) of each text column, not normalised.
        labels: passed on to the base loss.
        normalises: whether the model normalises: embeddings are then normalised after the cut.
        name: the objective's, for messages.
        left_out: the candidates that are no negatives, where the base loss has a guide.
        taught: the lesson of a teacher, where there is one.
    """

    def __init__(
        self,
        loss: Any,
        columns: dict[int, list[Tensor]],
        labels: Tensor | None,
        normalises: bool,
        name: str,
        left_out: Tensor | None = None,
        taught: Lesson | None = None,
    ) -> None:
        self.loss, self.columns, self.labels = loss, columns, labels
        self.normalises, self.name = normalises, name
        self._left_out = () if left_out is None else (left_out,)
        self._taught = taught
        self._scores: dict[Size, Tensor] = {}

    def of(self, summands: Sequence[Summand]) -> Tensor:
        """Return the weighted sum of the summands, a scalar."""
        if hasattr(self.loss, "from_scores"):
            # In the order of the sizes, so that sums of gradients do not depend on the objective's.
            for size in sorted({size for summand in summands for size in _scored(summand)}):
                self.scores(size)
        values = [summand.weight * self._value(summand) for summand in summands]
        return torch.stack([*values, *self._from_teacher(summands)]).sum()

    def _from_teacher(self, summands: Sequence[Summand]) -> list[Tensor]:
        """Return how far each size with a base loss is from the teacher; none without one."""
        if self._taught is None:
            return []
        teacher, columns = self._taught.teacher, self._taught.columns
        scores = self._scores_of(columns)
        trained = sorted({summand.size for summand in summands if isinstance(summand, Term)})
        return [
            teacher.weight * kl_divergence(self.scores(size), scores, teacher.temperature)
            for size in trained
        ]

    def _value(self, summand: Summand) -> Tensor:
        if isinstance(summand, Term):
            return self._base_loss(summand)
        if isinstance(summand, Align):
            return self._alignment(summand)
        read = [self._read(size, summand) for size in summand.sizes]
        return self._called(summand.function, read, summand)

    def _base_loss(self, term: Term) -> Tensor:
        if hasattr(self.loss, "from_scores"):
            among = () if term.among == "batch" else (term.among,)
            value: Tensor = self.loss.from_scores(self.scores(term.size), *among)
        elif hasattr(self.loss, "loss_at"):
            rows = self._rows(term.size, "dims", None, None)
            value = self.loss.loss_at(term.size, rows, self.labels)
        else:
            value = self.loss.compute_loss_from_embeddings(
                self._cut_columns(term.size), self.labels
            )
        return value

    def _alignment(self, align: Align) -> Tensor:
        if align.over == "scores":
            student = self._student_scores(align)
            teacher = self.scores(align.teacher)
        else:
            # A function of its own may compare sizes of other widths, such as a projection.
            both = None if callable(align.by) else min(align.student.dim, align.teacher.dim)
            dims = align.dims or both
            student = self._rows(align.student, align.over, dims, align.columns)
            teacher = self._rows(align.teacher, align.over, dims, align.columns)
        if align.detach:
            teacher = teacher.detach()
        if callable(align.by):
            return self._called(align.by, [student, teacher], align)
        return _distance(student, teacher, align)

    def _read(self, size: Size, summand: Regulariser) -> Tensor:
        if summand.over == "scores":
            return self.scores(size)
        return self._rows(size, summand.over, None, summand.columns)

    def scores(self, size: Size) -> Tensor:
        """Return the in-batch scores (Q, C) of a size, the first column against all others."""
        if size not in self._scores:
            self._scores[size] = self._scores_of(self._cut_columns(size))
        return self._scores[size]

    def _scores_of(self, columns: list[Tensor]) -> Tensor:
        if hasattr(self.loss, "from_scores"):
            scores: Tensor = self.loss.scores(columns, self.labels, *self._left_out)
            return scores
        scaled: Tensor = self.loss.similarity_fct(columns[0], torch.cat(columns[1:]))
        return scaled * self.loss.scale

    def _student_scores(self, align: Align) -> Tensor:
        """Return the scores of a student, of which some columns may be the teacher's."""
        if align.columns is None:
            return self.scores(align.student)
        own = self._chosen(align.columns)
        small, large = self._cut_columns(align.student), self._cut_columns(align.fixed_side)
        if align.detach:
            large = [column.detach() for column in large]
        return self._scores_of([(small if n in own else large)[n] for n in range(len(small))])

    def _rows(
        self, size: Size, over: Over, dims: int | None, chosen: tuple[int, ...] | None
    ) -> Tensor:
        """Return the embeddings (rows, dims) of some columns' texts, one column after another."""
        cut = size.dim if dims is None else dims
        columns = self.columns[size.layers]
        if chosen is not None:
            columns = [columns[number] for number in self._chosen(chosen)]
        if over == "dims":
            return torch.cat(columns)[:, :cut]
        return torch.cat([self._cut(column, cut) for column in columns])

    def _chosen(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        count = len(next(iter(self.columns.values())))
        for number in numbers:
            if not 0 <= number < count:
                raise self._error(f"no text column {number}: the batch has {count}, from 0")
        return numbers

    def _cut_columns(self, size: Size) -> list[Tensor]:
        return [self._cut(column, size.dim) for column in self.columns[size.layers]]

    def _cut(self, embeddings: Tensor, dim: int) -> Tensor:
        cut = embeddings[:, :dim]
        return F.normalize(cut, dim=-1) if self.normalises else cut

    def _called(self, function: Comparison, given: Sequence[Tensor], summand: Summand) -> Tensor:
        """Return what a function of the objective gives; InputError if that is not a scalar."""
        try:
            value = function(*given)
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise self._error(f"the function of {summand} failed: {reason}") from error
        if isinstance(value, Tensor) and value.ndim == 0:
            return value
        what = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
        raise self._error(f"the function of {summand} gave {what}, needed is a scalar tensor")

    def _error(self, text: str) -> InputError:
        return InputError(f"objective '{self.name}': {text}")


def _scored(summand: Summand) -> tuple[Size, ...]:
    """Return the sizes whose scores a summand needs, if the base loss has scores of a size."""
    if isinstance(summand, Term):
        return (summand.size,)
    if summand.over != "scores":
        return ()
    if isinstance(summand, Align) and summand.columns is not None:
        return (summand.teacher,)
    return summand.reads


def _distance(student: Tensor, teacher: Tensor, align: Align) -> Tensor:
    if align.by == "kl":
        return kl_divergence(student, teacher, align.temperature)
    if align.over == "scores":
        # What is left out of the loss is no difference either.
        left_out = teacher == MASKED
        student, teacher = student.masked_fill(left_out, 0), teacher.masked_fill(left_out, 0)
    if align.by == "mse":
        return F.mse_loss(student, teacher)
    return 1 - F.cosine_similarity(student, teacher, dim=-1).mean()


def kl_divergence(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Return KL(softmax(teacher/T) || softmax(student/T)), mean over rows; both (rows, D)."""
    log_student = F.log_softmax(student.float() / temperature, dim=-1)
    scaled = teacher.float() / temperature
    if teacher.requires_grad and bool((teacher == MASKED).any()):
        # A probability of exactly 0 has no gradient of its logarithm; its logarithm has one.
        log_teacher = F.log_softmax(scaled, dim=-1)
        return F.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return F.kl_div(log_student, F.softmax(scaled, dim=-1), reduction="batchmean")
