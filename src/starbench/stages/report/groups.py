"""What tables and figures are about: datasets that are shown together, each with its measure."""

from __future__ import annotations

from dataclasses import dataclass

from starbench.config.config import Config
from starbench.measures import label_of
from starbench.store.scores import BM25
from starbench.tracks import TRACKS
from starbench.tracks.track import GroupOfDatasets


@dataclass(frozen=True)
class Group:
    """Datasets of one table, heatmap or line plot, in table order."""

    track: str
    declared: GroupOfDatasets
    """How the track declares it."""
    metrics: dict[str, str]
    """{dataset: the metric that is shown of it}"""

    @property
    def name(self) -> str:
        """Name of its files."""
        return self.declared.name

    @property
    def title(self) -> str:
        """What it is, in words."""
        return self.declared.title

    @property
    def short(self) -> str:
        """What its columns are called where a table has other groups' too."""
        return self.declared.short

    @property
    def datasets(self) -> list[str]:
        """The datasets of the group."""
        return list(self.metrics)

    @property
    def averaged(self) -> list[str]:
        """The datasets that an average is over: those with the first one's metric."""
        first = next(iter(self.metrics.values()))
        return [dataset for dataset, metric in self.metrics.items() if metric == first]

    @property
    def label(self) -> str:
        """What a mean over the datasets is called."""
        metric = self.metrics[self.averaged[0]]
        mean = "average " if len(self.averaged) > 1 else ""
        return mean + label_of(metric)

    def shown(self, config: Config) -> str:
        """Return what the average is of, in words."""
        of = "" if len(self.averaged) > 1 else f" of {config.display('datasets', self.averaged[0])}"
        return f"{self.title}: {self.label}{of}"

    @property
    def one_metric(self) -> bool:
        """Whether all datasets show the same metric, so that a mean over them is one too."""
        return len(set(self.metrics.values())) == 1


def groups_of(config: Config) -> list[Group]:
    """Return the groups of a run, those of each track as it declares them."""
    found = []
    for track, section in config.tracks.items():
        for group in TRACKS[track].groups:
            names = [name for key in group.keys for name in getattr(section, key)]
            metrics = {name: TRACKS[track].metric(config.datasets[name]) for name in names}
            if metrics:
                found.append(Group(track, group, metrics))
    return found


def system_name(config: Config, system: str) -> str:
    """Return what a system is called in tables and figures."""
    return "BM25" if system == BM25 else config.display("systems", system)


def has_bm25(config: Config, group: Group) -> bool:
    """Whether a group shows BM25 beside the systems."""
    return bool(config.bm25_of(group.track))
