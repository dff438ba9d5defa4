"""Reading records of the hub: named files of a repository, or a split that `datasets` gives."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starbench.errors import InputError
from starbench.sources.fields import renamed
from starbench.sources.hub_files import HubFiles
from starbench.sources.hub_repository import told_in_a_line
from starbench.sources.source import Records
from starbench.store.records import Record


@dataclass(frozen=True)
class HubRecords:
    """Records at one place of the hub (or of a local folder), with their columns renamed."""

    repository: str
    commit: str | None
    """None for a local folder."""
    subset: str | None = None
    split: str = "train"
    data_files: tuple[str, ...] = ()
    """Names or patterns of files; a split of the repository if there are none."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our field name -> the repository's column, where they differ."""
    streaming: bool = False

    def records(self) -> Records:
        """Yield (place, record); InputError for what is missing, malformed or out of reach."""
        if self.data_files:
            files = HubFiles(self.repository, self.commit, self.data_files, self.streaming)
            found = files.records()
        else:
            found = self._of_split()
        for where, record in found:
            yield where, renamed(record, self.columns, where)

    def _of_split(self) -> Records:
        for number, record in enumerate(self._rows()):
            yield f"{self.repository}[{self.split}][{number}]", record

    def _rows(self) -> Iterator[Record]:
        what = f"hub dataset '{self.repository}', split '{self.split}'"
        with told_in_a_line(what):
            builder = self._builder(what)
            if self.streaming:
                yield from builder.as_streaming_dataset(self.split)
            else:
                builder.download_and_prepare()
                yield from builder.as_dataset(self.split)

    def _builder(self, what: str) -> Any:
        """Return the builder of `datasets`; InputError if it is not of the wanted commit.

        Where the library cannot have the commit it takes another one from its cache, and only
        logs that. Asked once more with an empty cache it says what is in the way.
        """
        from datasets import load_dataset_builder

        wanted = (self.repository, self.subset)
        builder = load_dataset_builder(*wanted, revision=self.commit)
        if self.commit is None or builder.hash == self.commit:
            return builder
        with tempfile.TemporaryDirectory() as empty:
            load_dataset_builder(*wanted, revision=self.commit, cache_dir=empty)
        raise InputError(
            f"cannot load {what}: `datasets` gives {builder.hash} of its cache, not {self.commit}"
        )
