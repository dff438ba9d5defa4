"""Starbench: train and measure embedding models that can be cut to few layers and dimensions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.encoders.families import Block, Family, Head
    from starbench.encoders.portable import save
    from starbench.encoders.small_model import cut
    from starbench.measures import Measure
    from starbench.objectives.objective import Objective
    from starbench.objectives.pretraining import PretrainingObjective
    from starbench.objectives.summands import Align, Regulariser, Step, Term
    from starbench.sources.source import Collection, Source
    from starbench.stages.finetune.guide import Guide
    from starbench.stages.finetune.layered_loss import LayeredLoss, StarbucksLoss
    from starbench.stages.finetune.ranking_loss import RankingLoss
    from starbench.stages.finetune.teacher import Teacher
    from starbench.tracks.track import GroupOfDatasets, Test, Track

__all__ = [
    "Align",
    "Block",
    "Collection",
    "Family",
    "GroupOfDatasets",
    "Guide",
    "Head",
    "LayeredLoss",
    "Measure",
    "Objective",
    "PretrainingObjective",
    "RankingLoss",
    "Regulariser",
    "Size",
    "Source",
    "StarbucksLoss",
    "Step",
    "Teacher",
    "Term",
    "Test",
    "Track",
    "cut",
    "save",
]

# Some import torch and sentence-transformers, which most commands do without.
_PLACES = {
    "Align": "starbench.objectives.summands",
    "Block": "starbench.encoders.families",
    "Collection": "starbench.sources.source",
    "Family": "starbench.encoders.families",
    "GroupOfDatasets": "starbench.tracks.track",
    "Guide": "starbench.stages.finetune.guide",
    "Head": "starbench.encoders.families",
    "LayeredLoss": "starbench.stages.finetune.layered_loss",
    "Measure": "starbench.measures",
    "Objective": "starbench.objectives.objective",
    "PretrainingObjective": "starbench.objectives.pretraining",
    "RankingLoss": "starbench.stages.finetune.ranking_loss",
    "Regulariser": "starbench.objectives.summands",
    "Source": "starbench.sources.source",
    "StarbucksLoss": "starbench.stages.finetune.layered_loss",
    "Step": "starbench.objectives.summands",
    "Teacher": "starbench.stages.finetune.teacher",
    "Term": "starbench.objectives.summands",
    "Test": "starbench.tracks.track",
    "Track": "starbench.tracks.track",
    "cut": "starbench.encoders.small_model",
    "save": "starbench.encoders.portable",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'starbench' has no attribute '{name}'")
