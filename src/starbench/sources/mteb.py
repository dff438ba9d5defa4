"""Source `mteb`: a task of MTEB by its name, with the data that MTEB loads for it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from starbench.errors import InputError
from starbench.section import Display
from starbench.sources.hub_repository import told_in_a_line
from starbench.sources.source import Records, Source
from starbench.store.tasks import mteb_task

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask


class MtebSource(Source):
    """A task of MTEB; its data come from the hub, at the commit that MTEB names."""

    source: Literal["mteb"] = Field(description="A task of MTEB, by its name.")
    name: Display = Field(description="The task, as MTEB calls it: `Banking77Classification`.")
    subsets: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Subsets of the task's data, often languages (`en`); all if not given.",
    )
    splits: list[str] | None = Field(
        default=None, min_length=1, description="Splits that are scored; MTEB's if not given."
    )

    @model_validator(mode="after")
    def _fitting(self) -> MtebSource:
        if self.kind != "task":
            raise ValueError(f"'kind': the source mteb gives tasks, not kind {self.kind}")
        if self.rows is not None:
            raise ValueError("'rows': a task of MTEB is scored on all of its data")
        return self

    def records(self, data_root: Path | None) -> Records:
        """Raise InputError: a task has its data in parts of its own."""
        raise InputError(f"dataset '{self.name}': the source mteb gives tasks alone")

    def task_data(self, data_root: Path | None) -> AbsTask:
        """Return the task with its data loaded.

        Raises InputError for a task that MTEB has not, or data that are out of reach.
        """
        task = mteb_task(self.name, self.splits, self.subsets)
        repository = task.metadata.dataset["path"]
        logging.getLogger("mteb").setLevel(logging.ERROR)
        with told_in_a_line(f"MTEB's task {task.metadata.name}, hub dataset '{repository}'"):
            task.load_data()
        return task
