"""Objective `score-distillation`: each size keeps the full size's neighbours of a text."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Regulariser, Step, Summand, Term

if TYPE_CHECKING:
    from torch import Tensor


class ScoreDistillation(Objective):
    """Semantic distortion-rate learning (SDR-MRL), with the sizes 1 < ... < K, K the full one.

    L = sum over k of loss(k) + a/(K-1) sum over k < K of D_k
        + b sum over 1 < k < K of max(0, D_k - sg(D_(k-1))),
    D_k = KL(sg(p) || q_k), mean over the texts i, q_k(j | i) = softmax over j != i of
    cos(v_i, v_j) / T at size k, p the same at the full size, sg: no gradient.

    The second sum says that a larger size may not be further from the full one than a smaller.
    Source: duncan-nguyen/embedding-mrl: src/embedding_mrl/losses/sdr.py, equations 26, 48 and 55.

    Published for dimensions of the last layer; here for the sizes of the list. The published
    neighbours of a text are those of its column; here all texts of the step. Its learned
    temperature for each size and its queue of earlier texts are left out. Its default of b is 0,
    with 0.05 to 0.3 as what to try.
    """

    summary: ClassVar[str] = "score distillation: the full size's neighbours at every size"
    objective: Literal["score-distillation"] = Field(
        description="All sizes, each with the neighbours that the full size has."
    )
    distillation_weight: float = Field(default=1.0, ge=0, description="Factor a of the mean D_k.")
    monotonic_weight: float = Field(
        default=0.1, ge=0, description="Factor b of the monotonic term; 0 switches it off."
    )
    temperature: float = Field(
        default=0.05, gt=0, description="Temperature T of the softmax over cosines."
    )

    def terms(self, step: Step) -> list[Summand]:
        """Return the base loss at every size, and one regulariser that reads all of them."""
        sizes = sorted({*step.sizes, step.full})
        found: list[Summand] = [Term(size) for size in sizes]
        if len(sizes) > 1:
            function = partial(
                _distortion,
                weight=self.distillation_weight / (len(sizes) - 1),
                monotonic=self.monotonic_weight,
                temperature=self.temperature,
            )
            found.append(Regulariser(tuple(sizes), 1.0, function))
        return found


def _distortion(*sizes: Tensor, weight: float, monotonic: float, temperature: float) -> Tensor:
    """Return weight sum D_k + monotonic sum max(0, D_k - D_(k-1)) of the sizes' (texts, dim)."""
    *small, full = (neighbours(embeddings, temperature) for embeddings in sizes)
    expected = full.detach()
    found = [(expected.exp() * (expected - q)).sum(dim=1).mean() for q in small]
    total = weight * sum(found[1:], found[0])
    for smaller, larger in pairwise(found):
        total = total + monotonic * (larger - smaller.detach()).clamp(min=0)
    return total


def neighbours(embeddings: Tensor, temperature: float) -> Tensor:
    """Return log q(j | i) (texts, texts - 1) over the other texts, of embeddings (texts, dim)."""
    from torch.nn import functional as F

    unit = F.normalize(embeddings, dim=-1)
    cosines = unit @ unit.T / temperature
    count = len(cosines)
    # Without its diagonal, a square matrix is every (count + 1)-th entry left out of the flat one.
    others = cosines.flatten()[1:].view(count - 1, count + 1)[:, :-1].reshape(count, count - 1)
    return others.log_softmax(dim=-1)
