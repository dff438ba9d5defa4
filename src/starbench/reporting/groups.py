"""What tables and figures are about: datasets that are shown together, each with its measure."""

from __future__ import annotations

from dataclasses import dataclass

from starbench.config import Config

STS_METRIC = "cosine_spearman"
METRIC_NAMES = {STS_METRIC: "Spearman"}
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
    metrics: dict[str, str]
    """{dataset: the metric that is shown of it}"""

    @property
    def datasets(self) -> list[str]:
        """The datasets of the group."""
        return list(self.metrics)

    @property
    def label(self) -> str:
        """What a mean over the datasets is called."""
        names = dict.fromkeys(METRIC_NAMES.get(metric, metric) for metric in self.metrics.values())
        mean = "average " if len(self.metrics) > 1 else ""
        return mean + ", ".join(names)

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
        found.append(Group("sts", "sts", title, dict.fromkeys(section.scored, STS_METRIC)))
    if "retrieval" in config.tracks:
        section = config.tracks["retrieval"]
        for group, title, datasets in (
            ("retrieval", "retrieval, in domain", section.tasks),
            ("out_of_domain", "retrieval, out of domain", section.out_of_domain),
        ):
            metrics: dict[str, str] = {name: config.datasets[name].metric for name in datasets}
            if metrics:
                found.append(Group(group, "retrieval", title, metrics))
    return found


def system_name(config: Config, system: str) -> str:
    """Return what a system is called in tables and figures."""
    return "BM25" if system == FLOOR else config.display("systems", system)


def has_floor(config: Config, group: Group) -> bool:
    """Whether a group shows BM25 beside the systems."""
    return group.track == "retrieval" and bool(config.bm25_datasets)
