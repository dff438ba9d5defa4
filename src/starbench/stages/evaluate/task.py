"""What scoring one model on one dataset has to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from starbench.config.config import Config
from starbench.run.bits import stored_bits
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.scores import Score


class Scored(NamedTuple):
    """What scoring a task left behind."""

    files: list[str]
    """Names within the task's folder."""
    constant: list[Size]
    """Cells at which all texts have the same embedding."""
    coding: Mapping[str, int] = MappingProxyType({})
    """{representation and cell, as `int8 n1-d4`: how many dimensions or texts its codes lose}"""


@dataclass(frozen=True)
class Task:
    """One model, one dataset, and the embeddings of the one by the other."""

    config: Config
    paths: RunPaths
    model: Model
    seed: int
    dataset: str
    embeddings: list[StoredEmbeddings]
    """Of pairs one; of a collection those of the queries, then of every shard of passages."""

    into: Path | None = None
    """Where its results go, if not where scores of stored embeddings do."""

    @property
    def folder(self) -> Path:
        """Where the scores go."""
        scores = self.paths.scores(self.model.track, self.model.name, self.seed)
        return (self.into or scores) / self.dataset

    @property
    def seeds(self) -> list[int]:
        """The seeds that the scores are those of: several where none changes the model."""
        return self.model.stands_for(self.config, self.seed)

    def scores(
        self, cell: Size, metric: str, value: float, queries: int, bits: str | None = None
    ) -> list[Score]:
        """Return one number as the scores of all systems that the model stands for at a cell.

        `bits` is the representation that it is of, what is stored if not given.
        """
        track = self.model.track
        kept = bits or stored_bits(self.config, track)
        return [
            Score(system, seed, cell, track, self.dataset, metric, value, queries, kept)
            for seed in self.seeds
            for system, size in self.model.scored()
            if size == cell
        ]
