"""What tables and figures are about: datasets that are shown together, each with its measure."""

from __future__ import annotations

from dataclasses import dataclass

from starbench.config.config import Config
from starbench.store.scores import STS_METRICS

METRIC_NAMES = {STS_METRICS[0]: "Spearman"}
"""What figures and tables call a metric, if not by its own name."""

FLOOR = "bm25"
"""The system without a size that retrieval is compared with."""


@dataclass(frozen=True)
class Group:
    """Datasets of one table, heatmap or line plot, in table order."""

    name: str
    """Name of its files."""
    track: str
    title: str
    short: str
    """What its columns are called where a table has other groups' too."""
    metrics: dict[str, str]
    """{dataset: the metric that is shown of it}"""

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
        return mean + METRIC_NAMES.get(metric, metric)

    def shown(self, config: Config) -> str:
        """Return what the average is of, in words."""
        of = "" if len(self.averaged) > 1 else f" of {config.display('datasets', self.averaged[0])}"
        return f"{self.title}: {self.label}{of}"

    @property
    def one_metric(self) -> bool:
        """Whether all datasets show the same metric, so that a mean over them is one too."""
        return len(set(self.metrics.values())) == 1


def groups_of(config: Config) -> list[Group]:
    """Return the groups of a run: STS, retrieval in domain and out of it."""
    found = []
    if "sts" in config.tracks:
        section = config.tracks["sts"]
        title = "semantic textual similarity"
        found.append(
            Group("sts", "sts", title, "STS", dict.fromkeys(section.scored, STS_METRICS[0]))
        )
    if "retrieval" in config.tracks:
        section = config.tracks["retrieval"]
        for group, title, short, datasets in (
            ("retrieval", "retrieval, in domain", "Retrieval", section.tasks),
            ("out_of_domain", "retrieval, out of domain", "Out-of-domain", section.out_of_domain),
        ):
            metrics: dict[str, str] = {name: config.datasets[name].metric for name in datasets}
            if metrics:
                found.append(Group(group, "retrieval", title, short, metrics))
    return found


def system_name(config: Config, system: str) -> str:
    """Return what a system is called in tables and figures."""
    return "BM25" if system == FLOOR else config.display("systems", system)


def has_floor(config: Config, group: Group) -> bool:
    """Whether a group shows BM25 beside the systems."""
    return group.track == "retrieval" and bool(config.bm25_datasets)
