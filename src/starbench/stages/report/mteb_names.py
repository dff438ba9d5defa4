"""What MTEB calls the datasets and measures of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from starbench.config.config import Config
from starbench.machine.startup import importing
from starbench.sources.hub import HubSource

LOCAL = "local"
"""The revision of data that are not those of MTEB."""

MAIN = "main_score"
"""What MTEB calls the score of a task that is shown."""

RANKING = {
    "nDCG": "ndcg",
    "RR": "mrr",
    "R": "recall",
    "P": "precision",
    "AP": "map",
    "Success": "hit_rate",
}
"""Measures of rankings as ir_measures spells them, and as MTEB does, before a cut-off."""

TYPES = {"pairs": "STS", "collection": "Retrieval"}
"""{kind of a dataset: MTEB's type of such a task}"""


class TaskName(NamedTuple):
    """What MTEB calls a dataset, and which data it is of."""

    name: str
    revision: str
    split: str


def measure_name(metric: str) -> str:
    """Return MTEB's name of a measure: ``ndcg_at_10`` of nDCG@10, others as they are."""
    measure, _, cutoff = metric.partition("@")
    if measure in RANKING and cutoff.isdecimal():
        return f"{RANKING[measure]}_at_{cutoff}"
    return metric


def task_names(
    config: Config, datasets: Sequence[str], commits: Mapping[str, str]
) -> dict[str, TaskName]:
    """Return MTEB's name and revision of each dataset.

    A dataset of the hub that is the data of one of MTEB's tasks has that task's name and the
    commit that it came from. Any other has its own name, and the revision ``local``. Datasets that
    would have one name keep those of the config.

    Args:
        config: the run's config.
        datasets: names in the config.
        commits: {dataset: the commit that it was fetched from}, as far as it is known.
    """
    found = {name: _task_name(config, name, commits.get(name)) for name in datasets}
    count = Counter(task.name for task in found.values())
    return {
        name: task if count[task.name] == 1 else task._replace(name=name)
        for name, task in found.items()
    }


def _task_name(config: Config, dataset: str, commit: str | None) -> TaskName:
    source = config.datasets[dataset]
    split = getattr(source, "split", None) or "test"
    if isinstance(source, HubSource) and source.kind in TYPES:
        split = split if source.kind == "pairs" else "test"
        revision = commit or source.revision or "main"
        official = _official(source, split, revision)
        if official is not None:
            return TaskName(official, revision, split)
    shown = config.display("datasets", dataset)
    return TaskName(re.sub(r"[^\w.()+-]+", "-", shown).strip("-") or dataset, LOCAL, split)


def _official(source: HubSource, split: str, revision: str) -> str | None:
    """Return the name of MTEB's task on a repository of the hub; None if there is none."""
    others = (source.data_files, source.passages, source.queries, source.qrels, source.corpus)
    if any(others) or source.rows is not None or source.without:
        return None  # not all of the task's data, or data of other places
    found = [
        (pinned != revision, name)
        for name, type_, path, pinned, splits in _tasks()
        if path == source.name and type_ == TYPES[source.kind] and split in splits
    ]
    return min(found)[1] if found else None


@cache
def _tasks() -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """Return (name, type, repository, revision, splits) of MTEB's tasks in one language."""
    with importing():
        import mteb
    return [
        (m.name, m.type, m.dataset["path"], m.dataset["revision"], tuple(m.eval_splits))
        for m in (task.metadata for task in mteb.get_tasks(exclude_superseded=False))
        if not m.is_multilingual
    ]
