"""Source `hub`: a dataset of the Hugging Face Hub, or files of a repository."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from starbench.errors import InputError
from starbench.section import Display
from starbench.sources.hub_collection import PARTS, CollectionPart, Place
from starbench.sources.hub_reading import HubRecords
from starbench.sources.hub_repository import commit_of, is_local
from starbench.sources.source import Collection, Commits, Records, Source

OF_RECORDS = ("subset", "split", "data_files", "columns")
"""Keys that a collection has in its parts."""


class HubSource(Source):
    """A dataset of the hub: what `datasets` reads, or files of a repository by their names."""

    source: Literal["hub"] = Field(description="A dataset of the Hugging Face Hub.")
    name: Display = Field(
        description="Repository, e.g. `sentence-transformers/all-nli`, or a local folder."
    )
    revision: str | None = Field(
        default=None,
        description="Commit, branch or tag of the repository (`main` if not given). A branch "
        "moves: `starbench data --pin` writes commits into a config.",
    )
    subset: str | None = Field(default=None, description="Configuration of the dataset.")
    split: str = Field(default="train", description="Split of the dataset.")
    data_files: str | list[str] | None = Field(
        default=None,
        description="Files of the repository to read instead of a split, by name or pattern: "
        "`train.jsonl.gz`, `[data/train-*.parquet]`. The way to read a repository that has a "
        "loading script. .jsonl, .json (lines), .csv, .tsv, each also .gz, and .parquet.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Our field name -> the dataset's column, where they differ.",
    )
    streaming: bool = Field(
        default=False,
        description="Read records as they arrive instead of downloading all (with `rows`).",
    )
    passages: CollectionPart | None = Field(
        default=None,
        description="Collection: where its passages are, {id, title, text}; not with `corpus`.",
    )
    queries: CollectionPart | None = Field(
        default=None, description="Collection: where its queries are, {id, text}."
    )
    qrels: CollectionPart | None = Field(
        default=None,
        description="Collection: where its judgements are, {query, passage, relevance}. A part "
        "that is not given is looked for as in mteb's repositories of BEIR.",
    )

    @model_validator(mode="after")
    def _keys_fit_together(self) -> HubSource:
        if self.kind == "collection":
            for key in OF_RECORDS:
                if key in self.model_fields_set:
                    raise ValueError(f"'{key}' of a collection belongs into {', '.join(PARTS)}")
            if self.corpus is not None and self.passages is not None:
                raise ValueError("'passages': they are those of the collection in 'corpus'")
        else:
            for key in PARTS:
                if key in self.model_fields_set:
                    raise ValueError(f"'{key}' is for collections, not for kind {self.kind}")
        for _, place in self._places():
            place.check()
        return self

    def records(self, data_root: Path | None) -> Records:
        """Yield (place, record) with columns renamed to this project's field names."""
        (_, place), *_ = self._places()
        yield from islice(self._opened(place).records(), self.rows)

    def collection(self, data_root: Path | None) -> Collection:
        """Return the collection, read as it is needed; `rows` limits its passages."""
        parts = {
            name: part.of_library(name) or self._opened(self._place(name)).records()
            for name, part in self._parts().items()
        }
        passages = islice(parts.get("passages", iter(())), self.rows)
        return Collection(passages, parts["queries"], parts["qrels"])

    def files(self, data_root: Path | None) -> list[Path]:
        """Return the files of local folders, without hidden ones; none of the hub."""
        folders = {Path(p.repository) for _, p in self._places() if is_local(p.repository)}
        return sorted(path for folder in folders for path in _files_in(folder))

    def pinned(self) -> tuple[HubSource, Commits]:
        """Return the source at the commits that its revisions stand for, and the commits."""
        commits: Commits = {}
        for key, place in self._places():
            if not is_local(place.repository) and key not in commits:
                commits[key] = commit_of(place.repository, place.revision)
        update: dict[str, object] = {}
        for key, commit in commits.items():
            part, _, _ = key.rpartition(".")
            if part:
                changed = self._parts()[part].model_copy(update={"revision": commit})
                update[part] = changed
            else:
                update["revision"] = commit
        return self.model_copy(update=update), commits

    def _parts(self) -> dict[str, CollectionPart]:
        """Return the parts of a collection that are read, by name."""
        named = [name for name in PARTS if name != "passages" or self.corpus is None]
        return {name: getattr(self, name) or CollectionPart() for name in named}

    def _places(self) -> list[tuple[str, Place]]:
        """Return every place of the hub that is read, with the key that holds its revision."""
        if self.kind == "collection":
            of_hub = [name for name, part in self._parts().items() if part.ir_datasets is None]
            return [(self._revision_key(name), self._place(name)) for name in of_hub]
        files = [self.data_files] if isinstance(self.data_files, str) else self.data_files
        return [
            (
                "revision",
                Place(
                    self.name,
                    self.revision,
                    self.subset,
                    self.split,
                    tuple(files or ()),
                    self.columns,
                    {"subset", "split"} & self.model_fields_set,
                ),
            )
        ]

    def _place(self, part: str) -> Place:
        return self._parts()[part].place(part, self.name, self.revision)

    def _revision_key(self, part: str) -> str:
        return f"{part}.revision" if self._parts()[part].has_own_revision else "revision"

    def _opened(self, place: Place) -> HubRecords:
        is_there = is_local(place.repository)
        return HubRecords(
            place.repository,
            None if is_there else commit_of(place.repository, place.revision),
            place.subset,
            place.split,
            place.data_files,
            place.columns,
            self.streaming,
        )


def _files_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path
