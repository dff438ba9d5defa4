"""Which datasets a folder holds, in the layouts of the source `folder`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starbench.errors import InputError
from starbench.machine.lines import read_jsonl
from starbench.section import slug
from starbench.sources.beir import is_beir

PAIR = {"sentence1", "sentence2", "score"}
"""The fields of a record of a dataset of pairs."""


def found_datasets(root: Path, split: str = "test") -> dict[str, dict[str, Any]]:
    """Return {name: section of a config} of everything in a folder that can be scored.

    These are folders of BEIR with judgements of the split, and folders with pairs of sentences in
    ``<split>.jsonl`` (or .gz), at any depth. Names are those of the folders.

    Raises InputError for a folder that is missing or holds neither.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}")
    sections = list(_found(root, split))
    if not sections:
        raise InputError(
            f"{root} holds nothing to score: neither a BEIR folder (corpus.jsonl, queries.jsonl, "
            f"qrels/{split}.tsv) nor pairs ({split}.jsonl with sentence1, sentence2 and score)"
        )
    names = [slug(section["name"].rsplit("/", 1)[-1], "data") for section in sections]
    if len(set(names)) < len(names):
        names = [slug(section["name"], "data") for section in sections]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{root}: several folders would be called '{twice}': rename one of them")
    return dict(zip(names, sections, strict=True))


def _found(root: Path, split: str) -> Iterator[dict[str, Any]]:
    for place, folders, _ in os.walk(root):
        folders.sort()
        folder = Path(place)
        kind = _kind(folder, split)
        if kind is not None and folder != root:
            name = folder.relative_to(root).as_posix()
            yield {
                "kind": kind,
                "source": "folder",
                "name": name,
                "split": split,
                "display": folder.name,
            }


def _kind(folder: Path, split: str) -> str | None:
    ends = ("", ".gz")
    if is_beir(folder):
        judged = any((folder / "qrels" / f"{split}.tsv{end}").is_file() for end in ends)
        return "collection" if judged else None
    for end in ends:
        path = folder / f"{split}.jsonl{end}"
        if path.is_file():
            first = next(read_jsonl(path), None)
            return "pairs" if first is not None and set(first[1]) >= PAIR else None
    return None
