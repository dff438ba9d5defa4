"""Cross-entropy over a vocabulary, a few rows at a time: no logits of all rows are ever kept."""

# R = rows, B = rows of a block, F = few of them, W = width, V = vocabulary

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from starbench.config.amounts import LOGIT_BYTES, SOFTMAX_BYTES


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
        losses_R = torch.empty(len(labels), device=states.device)
        with torch.autocast(states.device.type, enabled=False):
            projection = _Projection(states, weight, bias, dtype)
            for rows in projection.blocks:
                losses_R[rows] = projection.losses(rows, labels[rows])
                if wanted:
                    projection.add_gradients(rows)
        # Divided in the end only: what is this small would vanish in half precision.
        sums = projection.gradients() if wanted else ()
        ctx.save_for_backward(*(total.div_(len(labels)) for total in sums))
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
    """The vocabulary projection of one block of rows after another, in the same memory.

    Matrices lie as the matrix products of processors want them: with the vocabulary last.
    """

    def __init__(
        self, states_RW: Tensor, weight_VW: Tensor, bias_V: Tensor, dtype: torch.dtype
    ) -> None:
        rows, vocabulary = len(states_RW), len(weight_VW)
        self.states_RW, self.bias_V = states_RW.to(dtype), bias_V.float()
        self.weight_VW = weight_VW.to(dtype)
        self._weight_WV = self.weight_VW.T.contiguous()
        most = min(rows, _rows(LOGIT_BYTES, self.weight_VW))
        self.blocks = [slice(first, min(first + most, rows)) for first in range(0, rows, most)]
        self._products_BV = self.weight_VW.new_empty(most, vocabulary)
        self._logits_FV = self.bias_V.new_empty(
            min(most, _rows(SOFTMAX_BYTES, self.bias_V)), vocabulary
        )
        self._states_RW = torch.zeros_like(states_RW, dtype=torch.float32)
        self._gradient_WV = torch.zeros_like(self._weight_WV, dtype=torch.float32)
        self._more_WV = torch.empty_like(self._gradient_WV)
        self._gradient_V = torch.zeros_like(self.bias_V)

    def losses(self, rows: slice, labels_B: Tensor) -> Tensor:
        """Return the losses (B,) of a block; what it leaves `add_gradients` needs."""
        products_BV = self._products_BV[: rows.stop - rows.start]
        torch.mm(self.states_RW[rows], self._weight_WV, out=products_BV)
        few, losses = len(self._logits_FV), []
        for part_FV, labels_F in zip(products_BV.split(few), labels_B.split(few), strict=True):
            logits_FV = self._whole(part_FV).add_(self.bias_V)
            losses.append(_losses_to_gradients(logits_FV, labels_F))
            self._gradient_V += logits_FV.sum(dim=0)
            if logits_FV is not part_FV:
                part_FV.copy_(logits_FV)
        return torch.cat(losses)

    def _whole(self, part_FV: Tensor) -> Tensor:
        """Return some of a block's products in float32, which the next call writes over."""
        if part_FV.dtype == torch.float32:
            return part_FV
        return self._logits_FV[: len(part_FV)].copy_(part_FV)

    def add_gradients(self, rows: slice) -> None:
        """Add what a block gives to the gradients of states and weight."""
        gradients_BV = self._products_BV[: rows.stop - rows.start]
        self._states_RW[rows] = gradients_BV @ self.weight_VW
        states_WB = self.states_RW[rows].T.contiguous()
        if gradients_BV.dtype == torch.float32:
            self._gradient_WV.addmm_(states_WB, gradients_BV)
        else:  # Copied apart: an addition of two types is twice as slow.
            self._gradient_WV += self._more_WV.copy_(states_WB @ gradients_BV)

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of states, weight and bias, in float32."""
        return self._states_RW, self._gradient_WV.T.contiguous(), self._gradient_V


def _rows(most: dict[str, int], over_V: Tensor) -> int:
    """Rows of scores in the type of a tensor, whose first axis is the vocabulary, at most."""
    bytes_at_once = most.get(over_V.device.type, most["cuda"])
    return max(1, bytes_at_once // (len(over_V) * over_V.element_size()))


def _losses_to_gradients(logits_BV: Tensor, labels_B: Tensor) -> Tensor:
    """Return each row's loss and leave in `logits` its gradient: softmax - one-hot."""
    right_B1 = labels_B.unsqueeze(1)
    logits_BV -= logits_BV.amax(dim=1, keepdim=True)
    right_logits_B1 = logits_BV.gather(1, right_B1)
    totals_B1 = logits_BV.exp_().sum(dim=1, keepdim=True)
    logits_BV *= totals_B1.reciprocal()  # A division by rows is seven times as slow.
    logits_BV.scatter_add_(1, right_B1, torch.full_like(right_logits_B1, -1))
    return (totals_B1.log() - right_logits_B1).squeeze(1)
