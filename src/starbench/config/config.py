"""The config of a run, typed: the one place of every key, its default, unit and meaning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from starbench.config.backbones import Backbone
from starbench.config.compute import ComputeStages
from starbench.config.export import Export
from starbench.config.measure import Measure
from starbench.config.names import AnySource, CutName, Name, ObjectiveName, TrackName
from starbench.config.report import Report
from starbench.config.tracks import TrackSection
from starbench.section import Display, Section
from starbench.sizes import Size
from starbench.tracks import TRACKS

LARGEST_SEED = 2**32 - 1
"""What NumPy's global generator takes, which transformers seeds too."""


Share = Annotated[float, Field(gt=0)]
"""How much a model counts in an average of several."""


class NamedSize(Section):
    """A size that is trained."""

    layers: int = Field(ge=1, description="Number of layers.")
    dim: int = Field(ge=1, description="Number of dimensions.")
    name: Name | None = Field(default=None, description="Name in tables, e.g. `demi`.")

    @property
    def size(self) -> Size:
        """The size itself, without its name."""
        return Size(self.layers, self.dim)


class Override(Section):
    """What differs for one system from the rest of its track."""

    backbone: Name | None = Field(
        default=None,
        description="Backbone of this track's models, where it is not the system's `backbone`.",
    )
    finetuning: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys of the track's `finetuning` with other values; of a system that is not "
        "trained `pooling`, `similarity`, `max_length` and `query_max_length`.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the system's objective."
    )


class System(Section):
    """A named combination of backbone and objective: one row of every table."""

    backbone: Name = Field(description="Backbone that is fine-tuned.")
    objective: ObjectiveName = Field(description="Fine-tuning objective.")
    display: Display | None = Field(default=None, description="Name in tables and figures.")
    start: Name | Annotated[dict[Name, Share], Field(min_length=1)] | None = Field(
        default=None,
        description="System whose fine-tuned model the training starts from in place of the "
        "backbone; or several, each with its share, whose weights are averaged: "
        "`{single: 1, srl: 1}`. They are of the same track and seed. An objective that trains "
        "nothing (`untouched`) leaves the average as it is.",
    )
    cut: CutName = Field(
        default="prefix",
        description="What a size keeps of an embedding: its first dimensions (`prefix`); `random` "
        "ones; its first principal components, fitted on the training texts of the track (`pca`), "
        "or these with unit variance (`whitening`). Training is the same with each.",
    )
    overrides: dict[TrackName, Override] = Field(
        default_factory=dict, description="What differs from the track, by track."
    )


class Config(Section):
    """One run: one config file, one folder of results."""

    run: Name = Field(description="Name of the run: results are in `results/<run>/`.")
    results: str = Field(
        default="results",
        pattern=r"^[^\s<>{}*?\[\]]+$",
        description="Folder of all runs, created if it is missing; relative to the folder that "
        "Snakemake works in (`--directory`).",
    )
    title: str = Field(default="", description="One line on what the run is, for the report.")
    data_root: str | None = Field(
        default=None,
        description="Folder of `folder` datasets; the environment's STARBENCH_DATA if not given.",
    )
    seeds: list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]] = Field(
        default=[42],
        min_length=1,
        description="Every backbone and model is trained once per seed, a number from 0 to "
        "4294967295 (NumPy takes no other). What no seed changes is made with the first one.",
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
    tracks: dict[TrackName, TrackSection] = Field(
        min_length=1, description="What models are fine-tuned for and scored on."
    )
    report: Report = Field(
        default=Report(), description="Tests of significance, and the comparison with the paper."
    )
    export: Export | None = Field(
        default=None,
        description="What `snakemake export` makes: sizes as small models; nothing if not given.",
    )
    measure: Measure | None = Field(
        default=None,
        description="What sizes cost on the machine at hand (`costs.csv`); nothing is measured if "
        "not given.",
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

    def bm25_of(self, track: str) -> list[str]:
        """Return the collections of a track that BM25 is scored on."""
        section = self.tracks[track]
        scored = TRACKS[track].searches and section.searching.bm25 is not None
        return section.scored if scored else []

    @property
    def bm25_datasets(self) -> list[str]:
        """The collections that BM25 is scored on."""
        return [name for track in self.tracks for name in self.bm25_of(track)]

    @property
    def tries_adaptive(self) -> bool:
        """Whether adaptive retrieval is tried."""
        return any(
            (TRACKS[track].searches and section.searching.adaptive is not None)
            or (section.bits is not None and len(section.bits.funnel) > 0)
            for track, section in self.tracks.items()
        )

    @property
    def tries_exits(self) -> bool:
        """Whether adaptive classification is tried."""
        return any(
            TRACKS[track].exits and section.held_back_share > 0
            for track, section in self.tracks.items()
        )

    @property
    def tries_asymmetric(self) -> bool:
        """Whether queries of other layers than the passages are tried."""
        return any(section.asymmetric for section in self.tracks.values())

    @property
    def compared_system(self) -> str:
        """The system that all others are tested against."""
        default = "starbucks" if "starbucks" in self.systems else list(self.systems)[-1]
        return self.report.compared_system or default

    @property
    def shown_systems(self) -> list[str]:
        """The systems that tables and figures show, in their order."""
        return self.report.systems or list(self.systems)

    @property
    def shown_sizes(self) -> list[Size]:
        """The trained sizes that tables and figures show, ascending."""
        if self.report.sizes is None:
            return self.trained_sizes
        return [s for s in self.trained_sizes if self.is_shown(s)]

    def is_shown(self, size: Size) -> bool:
        """Whether tables and figures show a trained size."""
        wanted = self.report.sizes
        cut = f"{size.layers}/{size.dim}"
        return wanted is None or cut in wanted or self.size_label(size) in wanted

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
