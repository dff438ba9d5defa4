"""The key `task` of a dataset: what MTEB's code does with its records."""

from __future__ import annotations

from starbench.errors import did_you_mean

OWN = (
    "classification",
    "clustering",
    "pair-classification",
    "reranking",
    "retrieval",
    "sts",
)
"""What can be done with data of one's own; any other name is that of a task of MTEB."""

OF_COLLECTIONS = ("reranking", "retrieval")
"""What needs a collection instead of records."""


def check_task(kind: str, task: str | None) -> None:
    """Raise ValueError for a key `task` that is missing, of another kind, or misspelt.

    Names of MTEB's own tasks have capital letters and are looked up when the data are fetched: the
    list of them takes seconds to read.
    """
    if (kind == "task") != (task is not None):
        raise ValueError("'task' is for datasets of kind task, which need it")
    if task is not None and task not in OWN and task.islower():
        raise ValueError(f"'task': no task '{task}'{did_you_mean(task, OWN)}")
