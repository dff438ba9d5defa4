"""Where a run's products are: the same paths as in the workflow's rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starbench.config.config import Config
from starbench.config.resolved import seeds_of
from starbench.sizes import Size
from starbench.store.costs import COSTS
from starbench.store.scores import BM25


@dataclass(frozen=True)
class RunPaths:
    """The folders and files below ``<results>/<run>/``."""

    root: Path

    @classmethod
    def of(cls, config: Config, results: Path | None = None) -> RunPaths:
        """Return the paths of a config's run, below the config's `results` or another folder."""
        return cls((results or Path(config.results)) / config.run)

    def dataset(self, name: str) -> Path:
        """Folder of one normalised dataset."""
        return self.root / "data" / name

    def checkpoint(self, backbone: str) -> Path:
        """Folder of a backbone's fetched checkpoint, before any training."""
        return self.root / "checkpoints" / backbone

    def backbone(self, name: str, seed: int) -> Path:
        """Folder of one trained backbone."""
        return self.root / "backbones" / name / f"seed-{seed}"

    def backbone_in_use(self, config: Config, name: str, seed: int) -> Path:
        """Folder to load a backbone from: trained by this or another run, or fetched as it is."""
        section = config.backbones[name]
        if section.pretraining is None:
            return self.checkpoint(name)
        made_with = seeds_of(config, name)
        made_by = self if section.run is None else RunPaths(self.root.parent / section.run)
        return made_by.backbone(name, seed if seed in made_with else made_with[0])

    def model(self, track: str, model: str, seed: int) -> Path:
        """Folder of one fine-tuned model."""
        return self.root / "models" / track / model / f"seed-{seed}"

    def embeddings(self, track: str, model: str, seed: int) -> Path:
        """Folder of all embeddings of one model."""
        return self.root / "embeddings" / track / model / f"seed-{seed}"

    def searches(self, track: str, model: str, seed: int) -> Path:
        """Folder of what was found in the shards of collections with one model."""
        return self.root / "searches" / track / model / f"seed-{seed}"

    def scores(self, track: str, model: str, seed: int) -> Path:
        """Folder of all scores of one model, one folder per dataset."""
        return self.root / "scores" / track / model / f"seed-{seed}"

    def bits(self, track: str, model: str, seed: int) -> Path:
        """Folder of one model's scores with fewer bits a number, one folder per dataset."""
        return self.root / "bits" / track / model / f"seed-{seed}"

    def asymmetric(self, track: str, model: str, seed: int) -> Path:
        """Folder of one model's scores of queries of other layers, one folder per dataset."""
        return self.root / "asymmetric" / track / model / f"seed-{seed}"

    def bm25(self, track: str) -> Path:
        """Folder of the scores of BM25 on a track, one folder per dataset."""
        return self.root / "scores" / track / BM25

    def costs(self, track: str, model: str, seed: int) -> Path:
        """Folder of what the sizes of one model cost."""
        return self.root / "costs" / track / model / f"seed-{seed}"

    def export(self, track: str, model: str, seed: int, size: Size) -> Path:
        """Folder of one size of a model as a small model of its own."""
        return self.root / "exports" / track / model / f"seed-{seed}" / str(size)

    @property
    def configs(self) -> Path:
        """Folder of every config that the run was started with, named by their contents."""
        return self.root / "configs"

    @property
    def all_scores(self) -> Path:
        """CSV file of all scores of the run."""
        return self.root / "scores.csv"

    @property
    def all_adaptive(self) -> Path:
        """CSV file of what adaptive retrieval found and cost in the whole run."""
        return self.root / "adaptive.csv"

    @property
    def all_exits(self) -> Path:
        """CSV file of what adaptive classification found and takes in the whole run."""
        return self.root / "adaptive_classification.csv"

    @property
    def all_asymmetric(self) -> Path:
        """CSV file of what queries of other layers than the passages find in the whole run."""
        return self.root / "asymmetric.csv"

    @property
    def all_costs(self) -> Path:
        """CSV file of what the sizes of all measured models cost."""
        return self.root / COSTS

    @property
    def leakage(self) -> Path:
        """CSV file of what is scored and occurs in training data."""
        return self.root / "leakage.csv"

    @property
    def significance(self) -> Path:
        """CSV file of the tests of significance of the whole run."""
        return self.root / "significance.csv"
