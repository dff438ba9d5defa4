"""Types of names and choices that several sections of the config have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from starbench.objectives import OBJECTIVES, PRETRAINING_OBJECTIVES
from starbench.objectives.objective import Objective
from starbench.section import Name
from starbench.sources import SOURCES
from starbench.sources.source import Source
from starbench.tracks import TRACKS

__all__ = [
    "FITTED_CUTS",
    "AnyObjective",
    "AnySource",
    "CutName",
    "Name",
    "ObjectiveName",
    "Precision",
    "PretrainingName",
    "Stored",
    "TrackName",
]

Precision = Literal["fp32", "bf16", "fp16"]
Stored = Literal["float32", "float16"]
"""How weights and embeddings are stored."""
CutName = Literal["prefix", "random", "pca", "whitening"]
FITTED_CUTS = ("pca", "whitening")
"""Cuts that are fitted on training texts."""
if TYPE_CHECKING:
    AnySource = Source
    AnyObjective = Objective
    ObjectiveName = str
    PretrainingName = str
    TrackName = str
else:
    # Made from the registries, so that what is new is not listed here again.
    AnySource = Annotated[SOURCES.union, Field(discriminator="source")]
    AnyObjective = Annotated[OBJECTIVES.union, Field(discriminator="objective")]
    ObjectiveName = OBJECTIVES.literal
    PretrainingName = PRETRAINING_OBJECTIVES.literal
    TrackName = TRACKS.literal
