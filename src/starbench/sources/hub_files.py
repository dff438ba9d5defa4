"""Files of a hub repository, read by their names: JSON lines, Parquet, CSV and TSV, plain or .gz.

They are read here rather than by `datasets`, which infers types (an id `007` becomes 7) and
copies all records to its cache first. Of 8.8 million passages a batch is in memory at a time.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from starbench.errors import InputError, did_you_mean
from starbench.machine.lines import json_lines, text_lines
from starbench.sources.hub_repository import is_local, told_in_a_line
from starbench.sources.source import Records

ROWS_PER_BATCH = 1000

KIND = "dataset"
"""The kind of repository, for the hub's library."""


@dataclass(frozen=True)
class HubFiles:
    """Files of one commit of a repository, or of a local folder."""

    repository: str
    commit: str | None
    """None for a local folder."""
    patterns: Sequence[str]
    """Names of files, or patterns of them (``train-*.parquet``), in the order they are read in."""
    streaming: bool = False
    """Whether files are read over the network instead of being downloaded first."""

    def records(self) -> Records:
        """Yield (repository/file:line, record); InputError for what is missing or malformed."""
        for name in self._names():
            where = f"{self.repository}/{name}"
            read = reader_of(name, where)
            with told_in_a_line(f"file {where}"), self._opened(name) as file:
                yield from read(file, where)

    def _names(self) -> list[str]:
        with told_in_a_line(f"hub dataset '{self.repository}'"):
            there = self._listed()
        names: dict[str, None] = {}
        for pattern in self.patterns:
            found = [name for name in there if name == pattern or fnmatch(name, pattern)]
            if not found:
                raise InputError(
                    f"{self.repository}{self._at} has no file '{pattern}'"
                    f"{did_you_mean(pattern, there)}"
                )
            names |= dict.fromkeys(found)
        return list(names)

    @property
    def _at(self) -> str:
        return f" at {self.commit}" if self.commit else ""

    def _listed(self) -> list[str]:
        if is_local(self.repository):
            folder = Path(self.repository)
            files = (path for path in folder.rglob("*") if path.is_file())
            return sorted(path.relative_to(folder).as_posix() for path in files)
        from huggingface_hub import HfApi

        api = HfApi()
        return sorted(api.list_repo_files(self.repository, revision=self.commit, repo_type=KIND))

    def _opened(self, name: str) -> IO[bytes]:
        if is_local(self.repository):
            return (Path(self.repository) / name).open("rb")
        if self.streaming:
            from huggingface_hub import HfFileSystem

            path = f"datasets/{self.repository}@{self.commit}/{name}"
            return HfFileSystem().open(path, "rb")  # type: ignore[no-any-return]
        from huggingface_hub import hf_hub_download

        downloaded = hf_hub_download(self.repository, name, revision=self.commit, repo_type=KIND)
        return Path(downloaded).open("rb")


Reader = Callable[[IO[bytes], str], Records]


def reader_of(name: str, where: str) -> Reader:
    """Return what reads a file of this name; InputError if its ending tells no format."""
    path = Path(name)
    is_packed = path.suffix == ".gz"
    ending = Path(path.stem).suffix if is_packed else path.suffix
    if ending not in FORMATS or (is_packed and ending == ".parquet"):
        raise InputError(
            f"{where}: the name tells no format that can be read: {', '.join(FORMATS)}, "
            "those of text also with .gz"
        )
    read = FORMATS[ending]
    if not is_packed:
        return read

    def unpacked(file: IO[bytes], where: str) -> Records:
        with gzip.open(file) as unpacked_file:
            yield from read(unpacked_file, where)  # type: ignore[arg-type]

    return unpacked


def _json_lines(file: IO[bytes], where: str) -> Records:
    for number, record in json_lines(text_lines(file, where), where):
        yield f"{where}:{number}", record


def _comma_separated(file: IO[bytes], where: str) -> Records:
    return _table(csv.reader(_lines(file, where), strict=True), where)


def _tab_separated(file: IO[bytes], where: str) -> Records:
    # As in BEIR: a quotation mark is a character like others.
    return _table(csv.reader(_lines(file, where), delimiter="\t", quoting=csv.QUOTE_NONE), where)


def _lines(file: IO[bytes], where: str) -> Iterable[str]:
    csv.field_size_limit(sys.maxsize)
    return (line for _, line in text_lines(file, where))


def _table(rows: Any, where: str) -> Records:
    try:
        columns: list[str] = next(rows, [])
        if twice := [name for name in columns if columns.count(name) > 1]:
            raise InputError(f"{where}:1: the column '{twice[0]}' appears twice")
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise InputError(
                    f"{where}:{rows.line_num}: {len(row)} fields, {len(columns)} columns in line 1"
                )
            yield f"{where}:{rows.line_num}", dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise InputError(f"{where}:{rows.line_num + 1}: not a table ({error})") from None


def _parquet(file: IO[bytes], where: str) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for number, record in enumerate(_rows(pq.ParquetFile(file)), start=1):
            yield f"{where}:{number}", record
    except pa.ArrowInvalid as error:
        raise InputError(f"{where}: not a Parquet file ({error})") from None


def _rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(ROWS_PER_BATCH):
        yield from batch.to_pylist()


FORMATS: dict[str, Reader] = {
    ".jsonl": _json_lines,
    ".json": _json_lines,
    ".csv": _comma_separated,
    ".tsv": _tab_separated,
    ".parquet": _parquet,
}
"""What reads a file, by the ending of its name."""
