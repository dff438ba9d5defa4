"""Objective `ese`: every layer at a few dimensions that hold its principal ones (Espresso)."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from starbench.objectives.objective import Objective
from starbench.objectives.summands import Align, Step, Summand, Term
from starbench.sizes import Size

if TYPE_CHECKING:
    from torch import Tensor


class Ese(Objective):
    """ESE, Espresso Sentence Embeddings (arXiv 2402.14776 v2), with k = `compressed_dim`.

    L = loss(v_N^D) + E(N) + 1/(N-1) sum over layers l < N of E(l) / (1 + ln l),
    E(l) = loss(v_l^k) + MSE(v_l^k, c) + T KL(softmax(c / T) || softmax(v_l^k / T)),
    c = PCA_k(v_l^D).

    PCA_k(M) = M U S without a gradient, where U S V^T are the k largest components of
    softmax(M^T M / sqrt(D)), each row a distribution, and M holds the embeddings of all texts of
    the step. Source: SeanLee97/AnglE: angle_emb/angle.py, AngleESETrainer.

    The published loop counts hidden states from the output of the token embeddings, so that it
    trains that, but not layer N-1. A size has at least one layer: here l goes from 1 to N-1.
    Components are found by `torch.svd_lowrank`, as published, which starts from random vectors;
    they are drawn from (seed, step). The base loss is the config's instead of AnglE's.
    """

    summary: ClassVar[str] = "Espresso: every layer at a few dims, as its principal components"
    reads_sizes: ClassVar[bool] = False
    objective: Literal["ese"] = Field(description="Every layer at a few dimensions, and the full.")
    compressed_dim: int = Field(
        default=128, ge=1, description="Dimensions k that every layer is trained at."
    )
    kl_temperature: float = Field(
        default=1.0, gt=0, description="Temperature inside both softmaxes, and factor of the KL."
    )

    def terms(self, step: Step) -> list[Summand]:
        """Return the full size, then every layer from the last one down to the first."""
        full = step.full
        seed = int(step.draw.integers(2**63))
        found: list[Summand] = [Term(full)]
        for layer in range(full.layers, 0, -1):
            below = (full.layers - 1) * (1 + math.log(layer))
            weight = 1.0 if layer == full.layers else 1 / below
            small, whole = Size(layer, self.compressed_dim), Size(layer, full.dim)
            by = partial(_distance, seed=seed, temperature=self.kl_temperature)
            found += [Term(small, weight), Align(small, whole, weight, by=by, detach=True)]
        return found


def _distance(small: Tensor, whole: Tensor, seed: int, temperature: float) -> Tensor:
    """Return MSE + T KL of the first dimensions (texts, k) from the compressed ones."""
    from torch.nn import functional as F

    target = principal(whole, small.shape[1], seed)
    divergence = F.kl_div(
        F.log_softmax(small / temperature, dim=-1),
        F.softmax(target / temperature, dim=-1),
        reduction="batchmean",
    )
    return F.mse_loss(small, target) + temperature * divergence


def principal(whole: Tensor, dims: int, seed: int) -> Tensor:
    """Return embeddings (texts, D) as `dims` principal components (texts, dims), no gradient."""
    import torch

    devices = [whole.device] if whole.is_cuda else []
    with torch.no_grad(), torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        similar = (whole.T @ whole / math.sqrt(whole.shape[1])).softmax(dim=-1)
        components, strengths, _ = torch.svd_lowrank(similar, q=dims)
        return whole @ (components * strengths)
