"""Starbench: train and measure embedding models that can be cut to few layers and dimensions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.encoders.portable import save
    from starbench.encoders.small_model import cut
    from starbench.stages.finetune.layered_loss import LayeredLoss, StarbucksLoss

__all__ = ["LayeredLoss", "Size", "StarbucksLoss", "cut", "save"]

# They import torch and sentence-transformers, which most commands do without.
_PLACES = {
    "LayeredLoss": "starbench.stages.finetune.layered_loss",
    "StarbucksLoss": "starbench.stages.finetune.layered_loss",
    "cut": "starbench.encoders.small_model",
    "save": "starbench.encoders.portable",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'starbench' has no attribute '{name}'")
