"""Source `folder`: JSON-lines files on disk, plain or gzipped, below the data root."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from starbench.data.sources import Source
from starbench.errors import InputError, did_you_mean
from starbench.files import read_jsonl


class FolderSource(Source):
    """A file ``<name>.jsonl[.gz]`` (text) or ``<name>/<split>.jsonl[.gz]`` (other kinds)."""

    source: Literal["folder"] = Field(description="Files below `data_root`, plain or .gz.")
    name: str = Field(
        description="Path below `data_root`: `text/enwiki` (a file) or `sts/STS12` (a folder)."
    )
    split: str = Field(
        default="test", description="Name of the file in the folder, without .jsonl or .jsonl.gz."
    )

    def records(self, data_root: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (file:line, record) of the dataset's file."""
        path = self.path(data_root)
        for number, record in islice(read_jsonl(path), self.rows):
            yield f"{path}:{number}", record

    def path(self, data_root: Path | None) -> Path:
        """Return the dataset's file; InputError says what is missing and what there is."""
        if data_root is None:
            raise InputError(
                f"dataset '{self.name}' is a folder source, but there is no data root: set "
                "data_root in the config or STARBENCH_DATA in the environment"
            )
        if not data_root.is_dir():
            raise InputError(f"the data root {data_root} is not a folder")
        stem = data_root / self.name
        if self.kind != "text":
            if not stem.is_dir():
                raise InputError(f"no folder {stem}{_nearest(stem)}")
            stem = stem / self.split
        for candidate in (stem.with_name(stem.name + end) for end in (".jsonl", ".jsonl.gz")):
            if candidate.is_file():
                return candidate
        raise InputError(f"no file {stem}.jsonl or {stem}.jsonl.gz{_nearest(stem)}")


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return did_you_mean(path.name, {p.name.split(".jsonl")[0] for p in path.parent.iterdir()})
