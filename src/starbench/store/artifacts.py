"""Opening what another stage has made: no byte is used that its manifest does not vouch for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbench.errors import InputError
from starbench.store.hashes import difference
from starbench.store.manifest import read_manifest

READ_BY_LIBRARIES = ("*.safetensors", "config.json", "tokenizer*.json", "vocab.txt")
"""The files of a backbone that transformers reads, besides a stage's own."""


def opened(
    folder: Path, stage: str | None = None, files: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the manifest of a folder after checking that files are what it says they are.

    Args:
        folder: what a stage has made.
        stage: the stage that must have made it; None for any.
        files: names of the files that are about to be read; all by default.

    Raises:
        InputError: no manifest or a damaged one, one of another stage, a file that the manifest
            does not list, or a file that is missing or differs.
    """
    manifest = read_manifest(folder, stage)
    known = manifest["files"]
    for name in known if files is None else files:
        if name not in known:
            raise InputError(f"{folder / 'manifest.json'} does not list {name}: {_again(folder)}")
        different = difference(folder / name, known[name], manifest.get("stat", {}).get(name))
        if different is not None:
            raise InputError(f"{folder / name} {different}: {_again(folder)}")
    return manifest


def check_listed(folder: Path, manifest: dict[str, Any], patterns: Sequence[str]) -> None:
    """Raise InputError for a file that a library would read and the manifest does not list.

    Args:
        folder: what a stage has made.
        manifest: its manifest.
        patterns: what such files are called, as `Path.glob` takes it.
    """
    for file in sorted(file for pattern in patterns for file in folder.glob(pattern)):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in manifest["files"]:
            raise InputError(f"{folder / 'manifest.json'} does not list {name}: {_again(folder)}")


def _again(folder: Path) -> str:
    return f"remove {_declared(folder)} and run again to have it made anew"


def _declared(folder: Path) -> Path:
    """Return the manifest that a job declares: one above that lists this folder's, or its own."""
    own = folder / "manifest.json"
    for above in folder.parents[:2]:
        try:
            listed = read_manifest(above)["files"]
        except InputError:
            continue
        if own.relative_to(above).as_posix() in listed:
            return above / "manifest.json"
    return own
