"""Source `folder`: JSON-lines files and BEIR folders on disk, below the data root."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from starbench.errors import InputError, did_you_mean
from starbench.machine.lines import read_jsonl
from starbench.section import Display
from starbench.sources.beir import beir_files, is_beir, read_beir
from starbench.sources.fields import renamed
from starbench.sources.mining import mined_queries
from starbench.sources.source import Collection, Records, Source, TaskRecords
from starbench.sources.tasks import OF_COLLECTIONS, check_task

NEGATIVES_MINED = 30
"""Of each training query, where the config does not say."""


class FolderSource(Source):
    """``<name>.jsonl[.gz]`` (text), ``<name>/<split>.jsonl[.gz]`` (records) or a BEIR folder.

    Training queries come from ``<name>/<split>.jsonl`` in the layout of Tevatron, or from a BEIR
    folder with ``qrels/<split>.tsv``: BM25 mines their hard negatives then.
    """

    source: Literal["folder"] = Field(description="Files below `data_root`, plain or .gz.")
    name: Display = Field(
        description="Path below `data_root`: `text/enwiki` (a file) or `sts/STS12` (a folder)."
    )
    split: str = Field(
        default="test",
        description="Name of the file in the folder, without .jsonl or .jsonl.gz; of a BEIR "
        "folder the name of the qrels.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Our field name -> the records' own, where they differ; not of a BEIR folder.",
    )
    task: str | None = Field(
        default=None,
        description="Task: what is done with its files: `Classification`, `Clustering`, "
        "`PairClassification`, `Reranking`, `Retrieval`, `STS`, or the name of a task of MTEB "
        "whose code is run on them, e.g. `Banking77Classification`.",
    )
    negatives: int | None = Field(
        default=None,
        ge=1,
        description="Training queries of a BEIR folder: hard negatives mined by BM25 for each "
        "query; 30 if not given.",
    )

    @property
    def negatives_mined(self) -> int:
        """How many hard negatives are mined for each training query."""
        return self.negatives or NEGATIVES_MINED

    @model_validator(mode="after")
    def _fitting(self) -> FolderSource:
        if "split" in self.model_fields_set and self.kind == "text":
            raise ValueError("'split' is of a folder, and a text is one file: leave it out")
        check_task(self.kind, self.task)
        if self.columns and (self.kind == "collection" or self.task in OF_COLLECTIONS):
            raise ValueError("'columns' is for records: a collection has the names of BEIR")
        if self.negatives is not None and self.kind != "training-queries":
            raise ValueError(f"'negatives' is for training-queries, not for kind {self.kind}")
        return self

    def records(self, data_root: Path | None) -> Records:
        """Yield (file:line, record) of the dataset's file."""
        folder = self._root(data_root) / self.name
        if self.kind == "training-queries" and is_beir(folder):
            if self.columns:
                raise InputError(f"'columns' is for records, and {folder} is a BEIR folder")
            judged = read_beir(folder, self.split)
            mined = mined_queries(judged, self.negatives_mined, str(folder), self.strict)
            yield from islice(mined, self.rows)
            return
        if self.negatives is not None:
            raise InputError(f"'negatives' is for BEIR folders, and {folder} has no corpus.jsonl")
        yield from self._records_of(self.path(data_root))

    def collection(self, data_root: Path | None) -> Collection:
        """Return the collection of a BEIR folder; `rows` limits its passages."""
        folder = self._root(data_root) / self.name
        if not folder.is_dir():
            raise InputError(f"no folder {folder}{_nearest(folder)}")
        found = read_beir(folder, self.split, with_passages=self.corpus is None)
        return Collection(islice(found.passages, self.rows), found.queries, found.qrels)

    def task_data(self, data_root: Path | None) -> TaskRecords:
        """Return the data of a task: the files of its splits, or a BEIR folder."""
        assert self.task is not None
        folder = self._root(data_root) / self.name
        if self.task in OF_COLLECTIONS or is_beir(folder):
            if self.rows is not None:
                raise InputError(f"dataset '{self.name}': 'rows' is not for a task on a collection")
            return TaskRecords(self.task, self.split, {}, read_beir(folder, self.split))
        paths = self._splits(data_root)
        records = {split: self._records_of(path) for split, path in paths.items()}
        return TaskRecords(self.task, self.split, records)

    def _splits(self, data_root: Path | None) -> dict[str, Path]:
        """Return the file of the split that is scored, and of `train` where there is one."""
        found = {self.split: self.path(data_root)}
        train = self.model_copy(update={"split": "train"})
        try:
            return {"train": train.path(data_root)} | found
        except InputError:
            return found

    def _records_of(self, path: Path) -> Records:
        for number, record in islice(read_jsonl(path), self.rows):
            where = f"{path}:{number}"
            yield where, renamed(record, self.columns, where)

    def files(self, data_root: Path | None) -> list[Path]:
        """Return the files that are read; InputError says what is missing and what there is."""
        folder = self._root(data_root) / self.name
        if self.kind == "collection" or (self.kind == "training-queries" and is_beir(folder)):
            return beir_files(folder, self.split, with_passages=self.corpus is None)
        if self.kind == "task":
            beir = self.task in OF_COLLECTIONS or is_beir(folder)
            return beir_files(folder, self.split) if beir else [*self._splits(data_root).values()]
        return [self.path(data_root)]

    def path(self, data_root: Path | None) -> Path:
        """Return the dataset's file; InputError says what is missing and what there is."""
        stem = self._root(data_root) / self.name
        if self.kind != "text":
            if not stem.is_dir():
                raise InputError(f"no folder {stem}{_nearest(stem)}")
            stem = stem / self.split
        for candidate in (stem.with_name(stem.name + end) for end in (".jsonl", ".jsonl.gz")):
            if candidate.is_file():
                return candidate
        raise InputError(f"no file {stem}.jsonl or {stem}.jsonl.gz{_nearest(stem)}")

    def _root(self, data_root: Path | None) -> Path:
        if data_root is None:
            raise InputError(
                f"dataset '{self.name}' is a folder source, but there is no data root: set "
                "data_root in the config or STARBENCH_DATA in the environment"
            )
        if not data_root.is_dir():
            raise InputError(f"the data root {data_root} is not a folder")
        return data_root


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return did_you_mean(path.name, {p.name.split(".jsonl")[0] for p in path.parent.iterdir()})
