"""Starbench: train and measure embedding models that can be cut to few layers and dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.stages.finetune.layered_loss import LayeredLoss, StarbucksLoss

__all__ = ["LayeredLoss", "Size", "StarbucksLoss"]


def __getattr__(name: str) -> Any:
    # The losses import torch and sentence-transformers, which most commands do without.
    if name in ("LayeredLoss", "StarbucksLoss"):
        from starbench.stages.finetune import layered_loss

        return getattr(layered_loss, name)
    raise AttributeError(f"module 'starbench' has no attribute '{name}'")
