"""Benchmarks of MTEB as datasets of a config: one for each of their tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from starbench.errors import InputError, did_you_mean
from starbench.machine.startup import importing
from starbench.section import slug
from starbench.store.tasks import mteb_task

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask


def task_sections(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return {dataset: its section of a config} of some tasks and benchmarks of MTEB, each once.

    A benchmark that scores some subsets or splits of a task alone does so here. A task that is the
    mean of others is these.

    Raises InputError for a name that is neither, or a task that cannot be scored here.
    """
    return {
        slug(task.metadata.name, "task"): _section(task) for name in names for task in _tasks(name)
    }


def _tasks(name: str) -> Iterator[AbsTask]:
    with importing():
        import mteb
        from mteb.get_tasks import _TASKS_REGISTRY as TASKS
    if name in TASKS:
        found = [mteb.get_task(name)]
    else:
        known = {benchmark.name: benchmark for benchmark in mteb.get_benchmarks()}
        if name not in known:
            raise InputError(
                f"MTEB has no task or benchmark '{name}'{did_you_mean(name, [*known, *TASKS])}"
            )
        found = list(known[name].tasks)
    for task in found:
        yield from getattr(task.metadata, "tasks", None) or [task]


def _section(task: AbsTask) -> dict[str, Any]:
    whole = mteb_task(task.metadata.name)
    section: dict[str, Any] = {"kind": "task", "source": "mteb", "name": task.metadata.name}
    for key, chosen, every in (
        ("subsets", list(task.hf_subsets), list(whole.hf_subsets)),
        ("splits", list(task.eval_splits), list(whole.eval_splits)),
    ):
        if chosen != every:
            section[key] = chosen
    return section | {"display": task.metadata.name}
