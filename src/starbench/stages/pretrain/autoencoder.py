"""The auto-encoder's decoder: one layer of the backbone's family, on every size's sequence."""

# B texts, T tokens, W width, H heads, S sizes, P predicted tokens, M most predicted in one text

from __future__ import annotations

import torch
from torch import Tensor, nn

from starbench.encoders.families import (
    Block,
    embeddings_of,
    encoder_of,
    family_of,
    final_norm,
    part,
)
from starbench.encoders.layers import attended, fed_forward, surroundings
from starbench.stages.pretrain.masking import UNLABELLED


class Predicted:
    """Where a batch has labels: row and column of each (P,), and the same padded a row (B, M)."""

    def __init__(self, labels_BT: Tensor) -> None:
        predicted_BT = labels_BT != UNLABELLED
        self.row_P, self.column_P = predicted_BT.nonzero(as_tuple=True)
        counts_B = predicted_BT.sum(1)
        most = int(counts_B.max())
        self.real_BM = torch.arange(most, device=labels_BT.device) < counts_B.unsqueeze(1)
        self.column_BM = torch.zeros(self.real_BM.shape, dtype=torch.long, device=labels_BT.device)
        self.column_BM[self.real_BM] = self.column_P

    def gather(self, states_BTW: Tensor) -> Tensor:
        """Return the states of the predicted positions, (B, M, W); what pads a row is the first."""
        index_BMW = self.column_BM.unsqueeze(-1).expand(-1, -1, states_BTW.shape[-1])
        return states_BTW.gather(1, index_BMW)


def decoded(
    masked_lm: nn.Module,
    decoder: nn.Module,
    cls_SBW: Tensor,
    ids_BT: Tensor,
    mask_BT: Tensor,
    where: Predicted,
) -> Tensor:
    """Return D([cls; E(ids)[1:]]) at the predicted positions, for each size: (S, P, W).

    Args:
        masked_lm: the backbone, whose embeddings E are used.
        decoder: D, a layer of its family.
        cls_SBW: each size's first vector of each text.
        ids_BT: the decoder's token ids.
        mask_BT: 1 where a token is, 0 where there is padding.
        where: what is predicted.
    """
    encoder = encoder_of(masked_lm)
    inputs_BTW = embeddings_of(encoder)(input_ids=ids_BT)
    block = family_of(encoder).block
    if block is None:
        return _run(encoder, decoder, cls_SBW, inputs_BTW, mask_BT, where)
    queried_BMW = where.gather(inputs_BTW)
    bias_BHMT = _bias(encoder, block, inputs_BTW, where)
    context_SBMW = attend(decoder, block, queried_BMW, inputs_BTW, cls_SBW, mask_BT, bias_BHMT)
    context_SPW = context_SBMW[:, where.real_BM]
    residual_SPW = queried_BMW[where.real_BM].expand_as(context_SPW)
    return fed_forward(decoder, block, attended(decoder, block, context_SPW, residual_SPW))


def _run(
    encoder: nn.Module,
    decoder: nn.Module,
    cls_SBW: Tensor,
    inputs_BTW: Tensor,
    mask_BT: Tensor,
    where: Predicted,
) -> Tensor:
    """Run the whole layer on each size's whole sequence.

    What follows the layers of a pre-norm encoder is its last norm: so it does here.
    """
    options = surroundings(encoder, decoder, inputs_BTW, mask_BT)
    norm = final_norm(encoder)
    states = []
    for cls_BW in cls_SBW:
        first_B1W = cls_BW.unsqueeze(1).to(inputs_BTW.dtype)
        states_BTW = decoder(torch.cat([first_B1W, inputs_BTW[:, 1:]], dim=1), **options)
        states.append(norm(states_BTW[where.row_P, where.column_P]))
    return torch.stack(states)


def attend(
    decoder: nn.Module,
    block: Block,
    queried_BMW: Tensor,
    inputs_BTW: Tensor,
    cls_SBW: Tensor,
    mask_BT: Tensor,
    bias_BHMT: Tensor | None = None,
) -> Tensor:
    """Attention of the queried positions over each size's sequence: (S, B, M, W).

    The sizes' sequences differ in the first position alone, which is never queried. So keys and
    values of all others are computed once, and each size adds its own first key and value:
    softmax over [first; others] is a mixture, others with weight 1 - w, the first with weight
    w = sigmoid(score of the first - logsumexp of the others' scores).
    """
    heads = part(decoder, block.heads)
    query, key, value = (part(decoder, path) for path in (block.query, block.key, block.value))
    dropout = part(decoder, block.attention_dropout)
    query_BHMd = _by_head(query(queried_BMW), heads)
    key_BHTd = _by_head(key(inputs_BTW[:, 1:]), heads)
    value_BHTd = _by_head(value(inputs_BTW[:, 1:]), heads)
    scale = query_BHMd.shape[-1] ** -0.5
    scores_BHMT = (query_BHMd @ key_BHTd.transpose(-1, -2)).float() * scale
    if bias_BHMT is not None:
        scores_BHMT = scores_BHMT + bias_BHMT[..., 1:]
    hidden_B11T = mask_BT[:, None, None, 1:] == 0
    scores_BHMT = scores_BHMT.masked_fill(hidden_B11T, -torch.inf)
    others_BHM1 = scores_BHMT.logsumexp(-1, keepdim=True)
    weights_BHMT = dropout((scores_BHMT - others_BHM1).exp())
    others_BHMd = weights_BHMT.to(value_BHTd.dtype) @ value_BHTd

    first_key_SBHd = key(cls_SBW).unflatten(-1, (heads, -1))
    first_value_SBHd = value(cls_SBW).unflatten(-1, (heads, -1))
    first_SBHM1 = torch.einsum("bhmd,sbhd->sbhm", query_BHMd, first_key_SBHd).unsqueeze(-1)
    first_SBHM1 = first_SBHM1.float() * scale
    if bias_BHMT is not None:
        first_SBHM1 = first_SBHM1 + bias_BHMT[..., :1]
    w_SBHM1 = (first_SBHM1 - others_BHM1).sigmoid()
    context_SBHMd = (1 - w_SBHM1) * others_BHMd + dropout(w_SBHM1) * first_value_SBHd.unsqueeze(-2)
    return context_SBHMd.transpose(2, 3).flatten(-2).to(inputs_BTW.dtype)


def _bias(encoder: nn.Module, block: Block, inputs_BTW: Tensor, where: Predicted) -> Tensor | None:
    """Return the bias of the predicted positions' scores, (B, H, M, T); None if there is none."""
    if block.position_bias is None:
        return None
    bias_1HTT: Tensor = part(encoder, block.position_bias)(inputs_BTW[:1])
    return bias_1HTT[0][:, where.column_BM].transpose(0, 1)


def _by_head(states: Tensor, heads: int) -> Tensor:
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)
