"""One layer of an encoder on its own: run as a whole, or in the parts of its family's block."""

# B = texts of a batch, T = tokens, W = width

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import (
    create_bidirectional_mask,
    create_bidirectional_sliding_window_mask,
)

from starbench.encoders.families import Block, part

SLIDING = "sliding_attention"


def attended(layer: nn.Module, block: Block, context: Tensor, residual: Tensor) -> Tensor:
    """Return what a post-norm layer makes of its attention's context, both (..., W)."""
    return _added(layer, block.attention, block.attention_norm, context, residual)


def fed_forward(layer: nn.Module, block: Block, states: Tensor) -> Tensor:
    """Return a post-norm layer's output by what `attended` gives, both (..., W)."""
    return _added(layer, block.feed_forward, block.feed_forward_norm, states, states)


def _added(
    layer: nn.Module, paths: tuple[str, ...], norm: str, states: Tensor, residual: Tensor
) -> Tensor:
    for path in paths:
        states = part(layer, path)(states)
    normed: Tensor = part(layer, norm)(states + residual)
    return normed


def surroundings(
    encoder: nn.Module, layer: nn.Module, inputs_BTW: Tensor, mask_BT: Tensor
) -> dict[str, Any]:
    """Return what a layer with rotary positions needs besides its input.

    Args:
        encoder: the encoder that the layer is like a layer of.
        layer: what is to be run; it tells whether its attention is local.
        inputs_BTW: an input, of the shape and the type of those to come.
        mask_BT: 1 where a token is, 0 where there is padding.
    """
    kind: Any = layer.attention_type
    mask = (
        create_bidirectional_sliding_window_mask if kind == SLIDING else create_bidirectional_mask
    )
    positions_1T = torch.arange(inputs_BTW.shape[1], device=inputs_BTW.device).unsqueeze(0)
    return {
        "attention_mask": mask(
            config=encoder.config, inputs_embeds=inputs_BTW, attention_mask=mask_BT
        ),
        "position_embeddings": part(encoder, "rotary_emb")(inputs_BTW, positions_1T, kind),
    }
