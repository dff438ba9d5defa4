"""The parts of a collection of the hub, each where it is: passages, queries and judgements."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from pydantic import Field, model_validator

from starbench.section import Section
from starbench.sources.hub_repository import is_local
from starbench.sources.ir_datasets import read_part
from starbench.sources.source import Records

PARTS = ("passages", "queries", "qrels")

LAYOUT = {"passages": ("corpus", "corpus"), "queries": ("queries", "queries")}
"""Subset and split of a part in mteb's repositories of BEIR; of qrels `default` and `test`."""

COLUMNS = {
    "passages": {"id": "_id"},
    "queries": {"id": "_id"},
    "qrels": {"query": "query-id", "passage": "corpus-id", "relevance": "score"},
}
"""The columns of BEIR's files: our field name -> theirs."""


@dataclass(frozen=True)
class Place:
    """Where records are on the hub, or in a local folder."""

    repository: str
    revision: str | None
    subset: str | None
    split: str
    data_files: tuple[str, ...]
    columns: dict[str, str]
    given: Set[str]
    """Which of subset and split the config gives."""

    def check(self) -> None:
        """Raise ValueError for keys that do not go together."""
        if is_local(self.repository):
            if self.revision is not None:
                raise ValueError(f"'revision': {self.repository} is a folder, which has none")
        elif self.data_files and self.revision is None:
            raise ValueError("'data_files' needs a 'revision': a commit, or a branch such as main")
        for key in ("subset", "split"):
            if self.data_files and key in self.given:
                raise ValueError(f"'{key}': give that or 'data_files', which are read whole")


class CollectionPart(Section):
    """Where one part of a collection is: on the hub, or in the library ir_datasets."""

    ir_datasets: str | None = Field(
        default=None,
        description="This part of a collection of the library ir_datasets: its id, e.g. "
        "`msmarco-passage/dev/small`; instead of the keys below.",
    )
    name: str | None = Field(
        default=None,
        description="Repository or local folder; if not given, the dataset's at its revision.",
    )
    revision: str | None = Field(
        default=None, description="Commit, branch or tag of the repository."
    )
    subset: str | None = Field(
        default=None, description="Configuration; `corpus`, `queries`, and `default` for qrels."
    )
    split: str | None = Field(
        default=None, description="Split; `corpus`, `queries`, and `test` for qrels."
    )
    data_files: str | list[str] | None = Field(
        default=None, description="Files of the repository instead, by name or pattern."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Our field name -> the column. Fields of passages are id, title and text, of "
        "queries id and text, of qrels query, passage and relevance; columns are those of BEIR "
        "(`_id`, `query-id`, `corpus-id`, `score`) if not given.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> CollectionPart:
        others = self.model_fields_set - {"ir_datasets"}
        if self.ir_datasets is not None and others:
            raise ValueError(f"'{sorted(others)[0]}' does not go with 'ir_datasets'")
        return self

    @property
    def has_own_revision(self) -> bool:
        """Whether the part's revision is its own, not that of the dataset."""
        return self.name is not None or self.revision is not None

    def of_library(self, part: str) -> Records | None:
        """Return the records of ir_datasets, None for a part that is on the hub."""
        return None if self.ir_datasets is None else read_part(self.ir_datasets, part)

    def place(self, part: str, repository: str, revision: str | None) -> Place:
        """Return where a part is that is on the hub.

        Args:
            part: ``passages``, ``queries`` or ``qrels``.
            repository: the dataset's name, for a part without one.
            revision: the dataset's revision, for a part without a name and a revision.
        """
        files = [self.data_files] if isinstance(self.data_files, str) else self.data_files
        subset, split = LAYOUT.get(part, ("default", "test"))
        return Place(
            self.name or repository,
            self.revision if self.has_own_revision else revision,
            self.subset or subset,
            self.split or split,
            tuple(files or ()),
            COLUMNS[part] | self.columns,
            {"subset", "split"} & self.model_fields_set,
        )
