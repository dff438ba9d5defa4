"""The published numbers and claims, as they ship with the package: with their source in each row.

``tables.csv`` holds Tables A1 and A2 of the paper, ``grids.csv`` the layers x dims grids of the
reproduction study of 2D Matryoshka embeddings, ``claims.yaml`` what the paper concludes, and
``config.yaml`` what its tables are about.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import yaml

from starbench.config.names import TrackName
from starbench.section import Section
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config

FOLDER = Path(__file__).parent
AVERAGES = tuple(
    group.average for track in TRACKS.values() for group in track.groups if group.average
)
"""What `tables.csv` calls the averages that are printed in the paper."""

Role = Literal["single", "separate", "2dmse", "srl", "starbucks"]


class Claim(Section):
    """One conclusion of the paper; the fields are described in ``claims.yaml``."""

    id: str
    text: str
    better: Role
    worse: Role
    at: Literal["every", "below-full", "full"]
    expect: Literal["above", "at-least", "shrinks", "a-little-below"]
    tolerance: float = 0.0
    tracks: list[TrackName]
    source: str


@cache
def claims() -> list[Claim]:
    """Return what the paper concludes."""
    listed = yaml.safe_load((FOLDER / "claims.yaml").read_text(encoding="utf-8"))
    return [Claim.model_validate(claim) for claim in listed]


def published_config() -> Config:
    """Return the config of the run whose scores the paper prints."""
    from starbench.config.reading import load_config

    return load_config(FOLDER / "config.yaml")


def published_tables() -> pd.DataFrame:
    """Return Tables A1 and A2, one row per number, the printed averages among them.

    Columns: system, layers, dim, size, dataset, metric, value, marked (a `*` in the paper),
    source. Names are those of ``config.yaml``.
    """
    return pd.read_csv(FOLDER / "tables.csv")


def published_grids() -> pd.DataFrame:
    """Return the grids of the reproduction study, one row per number.

    Columns: method (the name here), label (the name there), layers, dim, dataset, metric, value,
    source.
    """
    return pd.read_csv(FOLDER / "grids.csv")
