"""The local files that fetched data were made from, and whether they have changed since.

Their sizes and times are compared first; a file is read again only where these differ, so that a
file that was merely touched, or copied elsewhere, counts as unchanged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starbench.errors import InputError
from starbench.machine.files import sha256_of, sha256_of_json, write_json

RECORD = "source_files.json"
"""Beside the manifest: Snakemake removes a manifest before its job runs, and the job needs this."""


@dataclass(frozen=True)
class SourceFile:
    """One file as it was when it was read; `name` is its path below the folder of all of them."""

    name: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class SourceFiles:
    """The files of a dataset or checkpoint as they were when it was fetched."""

    stamp: str | None
    files: list[SourceFile]

    @classmethod
    def recorded_in(cls, folder: Path) -> SourceFiles | None:
        """Return what a finished folder was made from, None if nothing says so."""
        path = folder / RECORD
        if not path.is_file():
            return None
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return cls(value["stamp"], [SourceFile(**file) for file in value["files"]])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{path} is damaged: remove it to fetch anew") from None

    def unchanged(self, paths: Sequence[Path]) -> bool:
        """Whether files have the contents that were recorded, whatever their times."""
        known = {file.name: file for file in self.files}
        named = named_below_their_folder(paths)
        if named.keys() != known.keys():
            return False
        return all(_same(path, known[name]) for name, path in named.items())

    @property
    def checksums(self) -> dict[str, str]:
        """The SHA-256 of every file by its name."""
        return {file.name: file.sha256 for file in self.files}

    def write(self, folder: Path) -> None:
        """Write the record into `folder`; none, and no older one, if there are no files."""
        if self.files:
            write_json(folder / RECORD, asdict(self))
        else:
            (folder / RECORD).unlink(missing_ok=True)


def stamp_of(folder: Path, paths: Sequence[Path]) -> str | None:
    """Return what stands for the contents of source files among what a fetch depends on.

    It is the one that the data in `folder` were fetched with as long as the contents are the same,
    and another one for other contents. None without local files, and for unchanged files of data
    that were fetched before files were recorded.
    """
    if not paths:
        return None
    recorded = SourceFiles.recorded_in(folder)
    if recorded is None:
        return None if _is_filled(folder) else _stamp(paths)
    return recorded.stamp if recorded.unchanged(paths) else _stamp(paths)


def source_files(folder: Path, paths: Sequence[Path]) -> SourceFiles:
    """Return the record of files that are about to be fetched into `folder`; reads all of them."""
    stamp = stamp_of(folder, paths)
    files = []
    for name, path in named_below_their_folder(paths).items():
        found = path.stat()
        files.append(SourceFile(name, found.st_size, found.st_mtime_ns, sha256_of(path)))
    return SourceFiles(stamp, files)


def named_below_their_folder(paths: Sequence[Path]) -> dict[str, Path]:
    """Return files by their paths below the folder that holds all of them, sorted."""
    if not paths:
        return {}
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    return {path.absolute().relative_to(folder).as_posix(): path for path in sorted(paths)}


def _stamp(paths: Sequence[Path]) -> str:
    found: list[Any] = [
        (name, path.stat().st_size, path.stat().st_mtime_ns)
        for name, path in named_below_their_folder(paths).items()
    ]
    return sha256_of_json(found)


def _same(path: Path, known: SourceFile) -> bool:
    found = path.stat()
    if found.st_size != known.size:
        return False
    return found.st_mtime_ns == known.mtime_ns or sha256_of(path) == known.sha256


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(
        path.is_file() and not path.name.startswith(".") for path in folder.iterdir()
    )
