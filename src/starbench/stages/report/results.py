"""What a report is made of: the scores of a run or of the paper, and all that explains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from starbench.config.config import Config
from starbench.stages.report.tables.marks import Marks


@dataclass(frozen=True)
class Results:
    """The scores of one run, or of the paper, with the tests, warnings and facts of the run."""

    config: Config
    scores: pd.DataFrame
    """As `read_scores` gives them."""
    marks: Marks
    tests: pd.DataFrame | None = None
    """``significance.csv``; the paper's own numbers have none."""
    adaptive: pd.DataFrame | None = None
    exits: pd.DataFrame | None = None
    """What adaptive classification found."""
    leakage: pd.DataFrame | None = None
    """``leakage.csv``; the paper's own numbers have none."""
    manifest: Mapping[str, Any] | None = None
    """Provenance of the run."""
    manifest_hash: str = ""
    """What every table carries: the first digits of the manifest's SHA-256."""
    losses: Mapping[str, list[float]] = field(default_factory=dict)
    """{what was trained: its logged losses}"""
    constant: list[tuple[str, str, str]] = field(default_factory=list)
    """(model, cell, dataset) of what has the same embedding for all texts"""
    titles: Mapping[str, float] = field(default_factory=dict)
    """{dataset: the share of its passages that have a title}"""
    skipped: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """{what was trained: its steps without a finite gradient, all its steps}"""
    overridden: Mapping[tuple[str, str, str], list[tuple[str, str]]] = field(default_factory=dict)
    """{(key, what the checkpoint says, what the config says): [(system, track)]}"""
    masked_losses: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """{backbone: its masked-language loss at the end, that of token frequencies alone}"""
    coded: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Scores with fewer bits a number than are stored, as `read_all_scores` gives them"""
    coded_tests: pd.DataFrame | None = None
    """Tests of these scores beside those of what is stored"""
    coding: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """{(model, representation and cell, dataset): dimensions or texts that codes lose}"""
    asymmetric: pd.DataFrame | None = None
    """``asymmetric.csv``, of a run that has it"""
    options: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """{group: what its sizes score and cost}, as `options_of` gives it; nothing without costs."""
    unmeasured: list[tuple[str, str]] = field(default_factory=list)
    """(system, track) of what the config has measured and ``costs.csv`` has not"""
    absent: list[str] = field(default_factory=list)
    """Files of the run besides ``scores.csv`` that are not there"""
