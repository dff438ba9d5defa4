"""Starbench: train and measure embedding models that can be cut to few layers and dimensions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.encoders.portable import save
    from starbench.encoders.small_model import cut
    from starbench.objectives.objective import Objective
    from starbench.objectives.summands import Align, Regulariser, Step, Term
    from starbench.stages.finetune.layered_loss import LayeredLoss, StarbucksLoss
    from starbench.stages.finetune.ranking_loss import RankingLoss

__all__ = [
    "Align",
    "LayeredLoss",
    "Objective",
    "RankingLoss",
    "Regulariser",
    "Size",
    "StarbucksLoss",
    "Step",
    "Term",
    "cut",
    "save",
]

# Most import torch and sentence-transformers, which most commands do without.
_PLACES = {
    "Align": "starbench.objectives.summands",
    "LayeredLoss": "starbench.stages.finetune.layered_loss",
    "Objective": "starbench.objectives.objective",
    "RankingLoss": "starbench.stages.finetune.ranking_loss",
    "Regulariser": "starbench.objectives.summands",
    "StarbucksLoss": "starbench.stages.finetune.layered_loss",
    "Step": "starbench.objectives.summands",
    "Term": "starbench.objectives.summands",
    "cut": "starbench.encoders.small_model",
    "save": "starbench.encoders.portable",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'starbench' has no attribute '{name}'")
