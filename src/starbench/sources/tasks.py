"""The key `task` of a dataset: what MTEB's code does with its records."""

from __future__ import annotations

from starbench.errors import did_you_mean
from starbench.store.own_tasks import TYPES

OF_COLLECTIONS = ("Reranking", "Retrieval")
"""What needs a collection instead of records."""


def check_task(kind: str, task: str | None) -> None:
    """Raise ValueError for a key `task` that is missing, of another kind, or misspelt.

    Names of MTEB's own tasks have capital letters and are looked up when the data are fetched: the
    list of them takes seconds to read.
    """
    if (kind == "task") != (task is not None):
        raise ValueError("'task' is for datasets of kind task, which need it")
    if task is not None and task not in TYPES and task.lower() == task:
        raise ValueError(f"'task': no task '{task}'{did_you_mean(task, TYPES)}")
