"""Bringing the padding of a batch behind its texts, whichever side it is on."""

# B = texts of a batch, T = tokens

from __future__ import annotations

import torch
from torch import Tensor

from starbench.errors import InputError


def right_padded(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return features whose texts start in the first column; unchanged if they do already.

    BERT, DistilBERT and ELECTRA count positions from the first column, padding or not.

    Args:
        features: ``attention_mask`` (B, T), and other tensors of that shape.

    Raises:
        InputError: a mask with a hole, so that padding is within a text.
    """
    mask_BT = features["attention_mask"] != 0
    columns_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    wanted_BT = columns_T < mask_BT.sum(dim=1, keepdim=True)
    if torch.equal(mask_BT, wanted_BT):
        return features
    first_B1 = mask_BT.int().argmax(dim=1, keepdim=True)
    source_BT = (columns_T + first_B1) % len(columns_T)
    torn_B = (mask_BT.gather(1, source_BT) != wanted_BT).any(dim=1)
    if torn_B.any():
        raise InputError(
            f"attention_mask: row {int(torn_B.nonzero()[0])} of the batch has padding between "
            "tokens; padding must be before or behind a text"
        )
    return {name: tensor.gather(1, source_BT) for name, tensor in features.items()}
