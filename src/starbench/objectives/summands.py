"""What a step of fine-tuning is, and what its loss is a sum of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from starbench.draws import generator
from starbench.sizes import Size

if TYPE_CHECKING:
    from torch import Tensor

OVER = ("dims", "scores", "vectors")
"""What an alignment or a regulariser reads of a size."""
BY = ("kl", "mse", "cosine")
"""How an alignment compares two sizes, unless by a function."""
AMONG = ("batch", "positives", "own")
"""Which passages a ranking loss ranks a query's positive among."""

Over = Literal["dims", "scores", "vectors"]
Comparison = Callable[..., "Tensor"]


@dataclass(frozen=True)
class Step:
    """One optimisation step, as an objective sees it.

    Args:
        sizes: the sizes to train, ascending; the last one is `full` unless the model is cut.
        full: depth and width of the model.
        number: number of the step, from 0.
        steps: steps of the whole training; None in a script that does not say.
        draw: the step's own generator: a pure function of (seed, step).
    """

    sizes: Sequence[Size]
    full: Size
    number: int = 0
    steps: int | None = None
    draw: np.random.Generator = field(default_factory=lambda: generator(0))


@dataclass(frozen=True)
class Term:
    """The base loss at a size.

    Args:
        size: where the base loss is computed.
        weight: its factor.
        among: what a query's positive is ranked among: all passages of the `batch`, as the base
            loss does by itself; the `positives` of all queries; or the query's `own` passages, its
            positive and its hard negatives. The last two need the ranking loss of this package.
    """

    size: Size
    weight: float = 1.0
    among: Literal["batch", "positives", "own"] = "batch"

    @property
    def reads(self) -> tuple[Size, ...]:
        """The sizes whose embeddings it needs."""
        return (self.size,)

    @property
    def trains(self) -> tuple[Size, ...]:
        """The sizes that it teaches the task."""
        return (self.size,)

    def __str__(self) -> str:
        return f"Term at {self.size}"


@dataclass(frozen=True)
class Align:
    """How far a student size is from a teacher size.

    What is compared has a row for each text, or for each query:

    - `dims`: the first `dims` dimensions of the embeddings, before a normalisation at the end of
      the model, which would leave a softmax over them nearly flat;
    - `vectors`: the embeddings as the model gives them: cut to `dims`, then normalised if it
      normalises;
    - `scores`: the in-batch scores (queries, passages) of the base loss. Pairs that the base loss
      leaves out have the score -1e30 at every size.

    Args:
        student: the size that is pulled.
        teacher: the size that it is pulled towards.
        weight: factor of the distance.
        over: what is compared.
        by: `kl`, KL(softmax(teacher / T) || softmax(student / T)), mean over the rows; `mse`, mean
            over all entries; `cosine`, 1 - cosine, mean over the rows; or a function of
            (student, teacher) that gives a scalar tensor.
        dims: how many first dimensions are compared, over dims or vectors; None for as many as
            both sizes have, and for a function each size's own.
        temperature: T of `kl`.
        detach: whether the teacher is fixed: no gradient passes through it.
        columns: numbers of the text columns whose texts are compared; None for all. Over scores,
            these columns are embedded at the student, and the others at the teacher's layers, cut
            to the student's dimensions, without a gradient if `detach`.
    """

    student: Size
    teacher: Size
    weight: float
    over: Over = "dims"
    by: Literal["kl", "mse", "cosine"] | Comparison = "kl"
    dims: int | None = None
    temperature: float = 1.0
    detach: bool = False
    columns: tuple[int, ...] | None = None

    @property
    def fixed_side(self) -> Size:
        """The size of the columns that are not the student's, over scores of some columns."""
        return Size(self.teacher.layers, self.student.dim)

    @property
    def reads(self) -> tuple[Size, ...]:
        """The sizes whose embeddings it needs."""
        return (self.student, self.teacher)

    @property
    def trains(self) -> tuple[Size, ...]:
        """The sizes that it teaches the task: what a teacher knows reaches its student."""
        return (self.student,)

    def __str__(self) -> str:
        return f"Align of {self.student} to {self.teacher}"


@dataclass(frozen=True)
class Regulariser:
    """A number of the embeddings or scores of one or more sizes, to be small.

    Args:
        sizes: the sizes that it reads.
        weight: its factor.
        function: takes a tensor for each size, in their order, and gives a scalar tensor.
        over: what the tensors are, as in `Align`: (texts, dim of the size) over `vectors` or
            `dims`, (queries, passages) over `scores`.
        columns: numbers of the text columns whose texts it reads, over vectors or dims; None for
            all, one column after another.
    """

    sizes: tuple[Size, ...]
    weight: float
    function: Comparison
    over: Over = "vectors"
    columns: tuple[int, ...] | None = None

    @property
    def reads(self) -> tuple[Size, ...]:
        """The sizes whose embeddings it needs."""
        return tuple(self.sizes)

    @property
    def trains(self) -> tuple[Size, ...]:
        """The sizes that it teaches the task: none."""
        return ()

    def __str__(self) -> str:
        return f"Regulariser of {', '.join(map(str, self.sizes))}"


Summand = Term | Align | Regulariser
