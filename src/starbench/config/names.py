"""Types of names and choices that several sections of the config have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from starbench.objectives import OBJECTIVES
from starbench.objectives.objective import Objective
from starbench.section import Name
from starbench.sources import SOURCES
from starbench.sources.source import Source

__all__ = ["AnyObjective", "AnySource", "Name", "ObjectiveName", "Precision", "Track"]

Precision = Literal["fp32", "bf16", "fp16"]
Track = Literal["sts", "retrieval"]
if TYPE_CHECKING:
    AnySource = Source
    AnyObjective = Objective
    ObjectiveName = str
else:
    # Made from the registries, so that a new source or objective is not listed here again.
    AnySource = Annotated[SOURCES.union, Field(discriminator="source")]
    AnyObjective = Annotated[OBJECTIVES.union, Field(discriminator="objective")]
    ObjectiveName = OBJECTIVES.names
