"""Cross-entropy over a vocabulary, a few rows at a time: no logits of all rows are ever kept."""

# R = rows, W = width, V = vocabulary

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from starbench.config.amounts import LOGITS_AT_ONCE


def projected_cross_entropy(
    states_RW: Tensor, weight_VW: Tensor, bias_V: Tensor, labels_R: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy of ``states @ weight.T + bias``, and that of each row.

    The gradients are computed with the loss: from a block's softmax while it is there, which
    costs the three matrix products of the plain way and no memory that grows with R times V.

    Args:
        states_RW: states before the vocabulary projection.
        weight_VW: the projection.
        bias_V: its bias.
        labels_R: the right token of each row.

    Returns:
        The mean, a scalar with gradients; the losses of the rows (R,) in float32, without.
    """
    kind = states_RW.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    losses: tuple[Tensor, Tensor] = _ProjectedCrossEntropy.apply(
        states_RW, weight_VW, bias_V, labels_R, dtype or states_RW.dtype
    )
    return losses


class _ProjectedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """Return mean and losses; gradients are made here, while a block has its logits."""
        wanted = any(ctx.needs_input_grad[:3])
        sums = [torch.zeros_like(part, dtype=torch.float32) for part in (states, weight, bias)]
        losses_R = torch.empty(len(labels), device=states.device)
        with torch.autocast(states.device.type, enabled=False):
            projection = _Projection(weight.to(dtype), bias.to(dtype), len(labels))
            for rows in projection.blocks:
                block = states[rows].to(dtype)
                logits = projection.logits(block)
                losses_R[rows] = _losses_to_gradients(logits, labels[rows])
                if wanted:
                    projection.add_gradients(sums, rows, block, logits)
        # Divided in the end only: what is this small would vanish in half precision.
        ctx.save_for_backward(*(total.div_(len(labels)) for total in sums) if wanted else ())
        ctx.dtypes = states.dtype, weight.dtype, bias.dtype
        ctx.mark_non_differentiable(losses_R)
        return losses_R.mean(), losses_R

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients that the forward pass made, times that of the mean."""
        found = zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        return *((gradient * saved).to(dtype) for saved, dtype in found), None, None


class _Projection:
    """The vocabulary projection of one block of rows after another, in the same memory."""

    def __init__(self, weight_VW: Tensor, bias_V: Tensor, rows: int) -> None:
        self.weight_VW, self.bias_V = weight_VW, bias_V
        at_once = LOGITS_AT_ONCE.get(weight_VW.device.type, LOGITS_AT_ONCE["cuda"])
        most = min(rows, max(1, at_once // len(weight_VW)))
        self.blocks = [slice(first, min(first + most, rows)) for first in range(0, rows, most)]
        shape = most, len(weight_VW)
        self._low = weight_VW.new_empty(shape)
        whole = weight_VW.dtype == torch.float32
        self._logits = self._low if whole else self._low.new_empty(shape, dtype=torch.float32)

    def logits(self, states_BW: Tensor) -> Tensor:
        """Return the logits (B, V) of a block in float32; the next call writes over them."""
        low = self._low[: len(states_BW)]
        torch.addmm(self.bias_V, states_BW, self.weight_VW.T, out=low)
        logits = self._logits[: len(states_BW)]
        return logits if low is logits else logits.copy_(low)

    def add_gradients(
        self, sums: list[Tensor], rows: slice, states_BW: Tensor, gradients_BV: Tensor
    ) -> None:
        """Add to the gradients of states, weight and bias what a block's logits give."""
        states_RW, weight_VW, bias_V = sums
        bias_V += gradients_BV.sum(dim=0)
        low_BV = self._low[: len(states_BW)].copy_(gradients_BV)
        states_RW[rows] = low_BV @ self.weight_VW
        if low_BV.dtype == torch.float32:
            weight_VW.addmm_(low_BV.T, states_BW)
        else:
            weight_VW += low_BV.T @ states_BW


def _losses_to_gradients(logits_BV: Tensor, labels_B: Tensor) -> Tensor:
    """Return each row's loss and leave in `logits` its gradient: softmax - one-hot."""
    right_B1 = labels_B.unsqueeze(1)
    logits_BV -= logits_BV.amax(dim=1, keepdim=True)
    right_logits_B1 = logits_BV.gather(1, right_B1)
    totals_B1 = logits_BV.exp_().sum(dim=1, keepdim=True)
    logits_BV /= totals_B1
    logits_BV.scatter_add_(1, right_B1, torch.full_like(right_logits_B1, -1))
    return (totals_B1.log() - right_logits_B1).squeeze(1)
