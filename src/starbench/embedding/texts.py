"""Which texts of a dataset are embedded, in which parts and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.data.store import PASSAGES, QUERIES, RECORDS, read_records
from starbench.paths import RunPaths

if TYPE_CHECKING:
    from datasets import Dataset

    from starbench.config import Config

FILES = {"pairs": RECORDS, "queries": QUERIES, "passages": PASSAGES}


@dataclass(frozen=True)
class TextSet:
    """The texts of one folder of embeddings: of pairs, of queries, or a shard of passages."""

    dataset: str
    part: str
    """``pairs``, ``queries`` or ``passages``."""
    shard: int = 1
    shards: int = 1

    @property
    def folder(self) -> str:
        """The folder below that of the model: ``<dataset>[/queries|/passages-<i>-of-<n>]``."""
        if self.part == "pairs":
            return self.dataset
        if self.part == "queries":
            return f"{self.dataset}/queries"
        return f"{self.dataset}/passages-{self.shard}-of-{self.shards}"

    def source(self, paths: RunPaths) -> Path:
        """Return the file that the texts stand in."""
        return paths.dataset(self.dataset) / FILES[self.part]

    def open(self, paths: RunPaths) -> Texts:
        """Return the texts; InputError for a dataset that is not fetched."""
        rows = read_records(paths.dataset(self.dataset), FILES[self.part])
        if self.part == "pairs":
            return Texts(texts_of(rows))
        first, end = (len(rows) * n // self.shards for n in (self.shard - 1, self.shard))
        return Texts(rows.select(range(first, end)))


class Texts:
    """Texts with their ids, read from memory-mapped rows a window at a time."""

    def __init__(self, rows: Dataset | list[str]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def windows(self, size: int) -> Iterator[tuple[int, list[str], list[str]]]:
        """Yield (first row, ids, texts) of `size` rows at a time."""
        for first in range(0, len(self), size):
            rows = self._rows[first : first + size]
            if isinstance(rows, list):
                yield first, [str(first + number) for number in range(len(rows))], rows
            else:
                yield first, rows["id"], rows["text"]


def texts_of(rows: Dataset) -> list[str]:
    """Return the distinct texts of a dataset of pairs, in the order of first appearance."""
    return list(dict.fromkeys([*rows["sentence1"], *rows["sentence2"]]))


def text_sets(config: Config, track: str) -> list[TextSet]:
    """Return every set of texts that a track's models embed, passages shared by datasets once."""
    sets: dict[TextSet, None] = {}
    for task in config.tracks[track].scored:  # type: ignore[index]
        if config.datasets[task].kind == "pairs":
            sets[TextSet(task, "pairs")] = None
            continue
        sets[TextSet(task, "queries")] = None
        sets |= dict.fromkeys(passage_sets(config, task))
    return list(sets)


def passage_sets(config: Config, dataset: str) -> list[TextSet]:
    """Return the shards of the passages that a collection's queries are searched in."""
    owner = config.datasets[dataset].corpus or dataset
    shards = config.datasets[owner].shards
    return [TextSet(owner, "passages", number, shards) for number in range(1, shards + 1)]


def sharded(sets: list[TextSet]) -> list[TextSet]:
    """Return those sets that are embedded by a job of their own."""
    return [texts for texts in sets if texts.shards > 1]
