"""The sections on a track: how its models are trained, embedded and scored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from starbench.config.amounts import HELD_BACK
from starbench.config.bits import Bits
from starbench.config.names import AnyObjective, Name, Precision, Stored
from starbench.config.search import Search
from starbench.config.training import Finetuning
from starbench.section import Section


class Embedding(Section):
    """How texts are embedded for scoring."""

    precision: Precision = Field(default="fp32", description="Arithmetic of the forward pass.")
    dtype: Stored = Field(default="float32", description="Number format of the stored embeddings.")
    tokens_per_batch: int | None = Field(
        default=None,
        ge=16,
        description="Padded tokens in one forward pass; if not given 2048 on a processor "
        "and 65536 on a GPU.",
    )
    max_length: int | None = Field(
        default=None, ge=8, description="Longest text in tokens; as in fine-tuning if not given."
    )
    query_max_length: int | None = Field(
        default=None,
        ge=8,
        description="Retrieval: longest query in tokens; as in fine-tuning if not given.",
    )


class TrackSection(Section):
    """One track: how its models are trained and what they are scored on."""

    finetuning: Finetuning | None = Field(
        default=None,
        description="Fine-tuning of this track's models; needed only where something is trained.",
    )
    objectives: list[AnyObjective] = Field(
        default_factory=list,
        description="Options of objectives that differ from their defaults (the published code).",
    )
    embedding: Embedding = Field(default=Embedding(), description="Embedding of texts.")
    search: Search | None = Field(
        default=None, description="Retrieval: how passages are ranked; defaults if not given."
    )
    tasks: list[Name] = Field(
        min_length=1, description="Datasets that are scored (in domain), in table order."
    )
    out_of_domain: list[Name] = Field(
        default_factory=list,
        description="Further datasets to score, of other domains than the training data; they get "
        "a table of their own.",
    )
    measures: list[str] = Field(
        default_factory=list,
        description="Further measures of every dataset, kept in scores.csv beside those that are "
        "always computed (rankings: RR@10, nDCG@10, R@100, R@1000; pairs: cosine_spearman, "
        "cosine_pearson). Of rankings any that ir_measures parses (`AP`, `nDCG@20` ...), of pairs "
        "`manhattan_spearman`, `euclidean_pearson` ..., as MTEB spells them.",
    )
    grid: Literal["full", "diagonal"] = Field(
        default="full",
        description="Score every trained layer x dim, or only the trained sizes.",
    )
    asymmetric: bool = Field(
        default=False,
        description="Retrieval: also search with queries of every number of layers in passages of "
        "every other one, at the same dimensions.",
    )
    bits: Bits | None = Field(
        default=None,
        description="Stored embeddings scored again with fewer bits a number; nothing if not "
        "given, `{}` for the defaults.",
    )
    separate_grid: Literal["full", "diagonal"] = Field(
        default="diagonal",
        description="Whether `separate` trains a model for every cell or for the trained sizes.",
    )

    held_back: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Labelled texts: share of each label's examples that nothing is trained on; "
        "adaptive classification learns its thresholds on them, and is left out with 0. 0.1 if not "
        "given.",
    )
    leakage: Literal["warn", "drop"] = Field(
        default="warn",
        description="Scored pairs and queries that occur in the training data, whatever their case "
        "and punctuation, are counted in the summary; `drop` also leaves out the training "
        "examples that hold them.",
    )

    @property
    def searching(self) -> Search:
        """How passages are ranked: `search`, or its defaults."""
        return self.search or Search()

    @property
    def held_back_share(self) -> float:
        """The share of each label's examples that is held back."""
        return HELD_BACK if self.held_back is None else self.held_back

    @property
    def scored(self) -> list[str]:
        """Every dataset that is scored, in domain and out of it."""
        return [*self.tasks, *self.out_of_domain]
