"""Attention of short texts in bfloat16 on a processor: plain products beat the fused kernel there.

The backward pass of PyTorch's fused kernel for processors is slow on short rows: with 8 to 128
tokens, forward and backward take longer than two batched products and a softmax.
Without gradients it is as fast, and it needs less memory, so it stays for all else.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "starbench"
LONGEST = 128
"""Tokens of the longest text for which the plain products are faster."""


def use_fast_attention(model: PreTrainedModel) -> None:
    """Make a model that is trained on a processor choose the faster way for each batch."""
    if not torch.cuda.is_available() and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Return the attention's output (texts, tokens, heads, dim of a head), as transformers does.

    `query`, `key` and `value` have the shape (texts, heads, tokens, dim of a head); the mask is
    true where a token is seen.
    """
    short = query.dtype == torch.bfloat16 and query.shape[2] <= LONGEST
    plain = query.device.type == "cpu" and query.requires_grad and query.shape == key.shape
    # A causal layer may come without a mask: the fused kernel knows the rule, the products do not.
    causal = getattr(module, "is_causal", True)
    if not (short and plain) or causal:
        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **options
        )
        return found
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    # In bfloat16 throughout: the softmax computes in float32 inside, and memory is what takes time.
    scores = (query * scale) @ key.transpose(-1, -2)
    if attention_mask is not None:
        unseen = torch.zeros_like(attention_mask, dtype=scores.dtype)
        scores = scores + unseen.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    weights = nn.functional.dropout(scores.softmax(dim=-1), dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
