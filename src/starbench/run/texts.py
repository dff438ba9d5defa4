"""Which texts of a dataset are embedded, in which parts and in which order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.store.records import PASSAGES, QUERIES, RECORDS, TEXTS, read_records
from starbench.store.tasks import StoredTask
from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from datasets import Dataset

    from starbench.config.config import Config

WINDOW = 100_000
"""Texts that are read, tokenized and sorted by length at a time."""

FILES = {"pairs": RECORDS, "texts": RECORDS, "queries": QUERIES, "passages": PASSAGES}
FILES |= {"task": TEXTS}


@dataclass(frozen=True)
class TextSet:
    """The texts of one folder of embeddings: of pairs, of queries, a shard of passages, or those of
    a labelled dataset or of a task."""

    dataset: str
    part: str
    """``pairs``, ``queries``, ``passages``, ``texts`` or ``task``."""
    shard: int = 1
    shards: int = 1
    shard_rows: int | None = None
    """Passages of every shard but the last; None for shards of equal size."""

    @property
    def folder(self) -> str:
        """The folder below that of the model: ``<dataset>[/queries|/passages-<number>]``."""
        if self.part in ("pairs", "texts", "task"):
            return self.dataset
        if self.part == "queries":
            return f"{self.dataset}/queries"
        return f"{self.dataset}/passages-{self.shard}"

    def source(self, paths: RunPaths) -> Path:
        """Return the file that holds the texts."""
        return paths.dataset(self.dataset) / FILES[self.part]

    def open(self, paths: RunPaths) -> Texts:
        """Return the texts; InputError for a dataset that is not fetched."""
        rows = read_records(paths.dataset(self.dataset), FILES[self.part])
        if self.part == "pairs":
            return Texts(texts_of(rows))
        if self.part == "texts":
            return Texts(list(rows["text"]))  # all of them, a row for each label
        if self.part == "task":
            return Texts(rows, rows["role"])
        return Texts(rows.select(self.rows(len(rows))))

    def task(self, paths: RunPaths) -> tuple[str, str] | None:
        """Return MTEB's name and type of the task that they are of, which models have prompts for.

        None for texts of no task, whose type is that of their track.
        """
        if self.part != "task":
            return None
        facts = StoredTask(paths.dataset(self.dataset)).facts
        return facts.name, facts.type

    def rows(self, total: int) -> range:
        """Return which of `total` rows these are; InputError if the shards do not fit them."""
        if self.shard_rows is None:
            first, end = (total * n // self.shards for n in (self.shard - 1, self.shard))
            return range(first, end)
        needed = -(-total // self.shard_rows)
        if needed != self.shards:
            raise InputError(
                f"dataset '{self.dataset}' has {total} passages, {needed} shards of "
                f"{self.shard_rows}: set shards to {needed}, not {self.shards}"
            )
        first = (self.shard - 1) * self.shard_rows
        return range(first, min(first + self.shard_rows, total))

    def checksum(self, paths: RunPaths) -> str:
        """Return the SHA-256 of the ids and texts: that of a shard stays as a collection grows."""
        digest = hashlib.sha256()
        for _, names, texts in self.open(paths).windows(WINDOW):
            for part in (*names, *texts):
                encoded = part.encode()
                digest.update(len(encoded).to_bytes(8, "little"))
                digest.update(encoded)
        return digest.hexdigest()


class Texts:
    """Texts with their ids, read from memory-mapped rows a window at a time.

    Args:
        rows: the texts.
        roles: the role of each where they have several, equal ones in a row.
    """

    def __init__(self, rows: Dataset | list[str], roles: Iterable[str] | None = None) -> None:
        self._rows, self._roles = rows, Counter(roles) if roles is not None else None

    def by_role(self, role: str) -> Iterator[tuple[str, int, Texts]]:
        """Yield (role, first row, texts) of each role; `role` is that of texts of a single one."""
        if self._roles is None or isinstance(self._rows, list):
            yield role, 0, self
            return
        first = 0
        for own, count in self._roles.items():
            yield own, first, Texts(self._rows.select(range(first, first + count)))
            first += count

    def __len__(self) -> int:
        return len(self._rows)

    def spread(self, count: int) -> list[str]:
        """Return at most `count` texts, evenly spaced from the first to the last."""
        count = min(count, len(self))
        rows = [number * len(self) // count for number in range(count)]
        if isinstance(self._rows, list):
            return [self._rows[row] for row in rows]
        return list(self._rows.select(rows)["text"]) if rows else []

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
    scored = config.tracks[track].scored
    return list(dict.fromkeys(texts for task in scored for texts in sets_of(config, track, task)))


def sets_of(config: Config, track: str, dataset: str) -> list[TextSet]:
    """Return the sets of texts that scoring one dataset of a track takes, in the order of its
    `embeds`: passages last."""
    found: list[TextSet] = []
    for part in TRACKS[track].embeds:
        if part == "passages":
            found += passage_sets(config, dataset)
        elif part == "examples":
            found.append(TextSet(examples_of(config, dataset), "texts"))
        else:
            found.append(TextSet(dataset, part))
    return found


def examples_of(config: Config, dataset: str) -> str:
    """Return the dataset by whose texts those of a labelled one are classified."""
    examples = config.datasets[dataset].examples
    assert examples is not None, dataset
    return examples


def corpus_of(config: Config, dataset: str) -> str:
    """Return the collection whose passages a collection's queries are searched in: often itself."""
    return config.datasets[dataset].corpus or dataset


def with_corpora(config: Config, names: Iterable[str]) -> list[str]:
    """Return datasets after the collections whose passages they share, each once."""
    names = list(names)
    corpora = (config.datasets[name].corpus for name in names)
    return list(dict.fromkeys([*(name for name in corpora if name), *names]))


def read_in_scoring(config: Config, track: str) -> list[str]:
    """Return the datasets that scoring the models of a track reads, each once."""
    scored = config.tracks[track].scored
    examples = [config.datasets[name].examples for name in scored]
    known = [name for name in examples if name is not None]
    return list(dict.fromkeys([*with_corpora(config, scored), *known]))


def fetched_before(config: Config, name: str) -> list[str]:
    """Return the datasets that fetching one reads: whose passages it shares, what it is without,
    and whose texts it is classified by."""
    source = config.datasets[name]
    read = [source.corpus, source.examples, *source.without]
    return list(dict.fromkeys(other for other in read if other is not None))


def in_order_of_fetching(config: Config) -> list[str]:
    """Return all datasets, each after those that fetching it reads."""
    names = [(*fetched_before(config, name), name) for name in config.datasets]
    return list(dict.fromkeys(name for group in names for name in group))


def searched_in(config: Config, track: str, collection: str) -> list[str]:
    """Return a track's datasets whose queries are searched in a collection's passages."""
    scored = config.tracks[track].scored
    return [task for task in scored if corpus_of(config, task) == collection]


def searched_collections(config: Config, track: str) -> list[str]:
    """Return the collections whose passages a track's models embed and search, each once."""
    scored = config.tracks[track].scored
    collections = [task for task in scored if config.datasets[task].kind == "collection"]
    return list(dict.fromkeys(corpus_of(config, task) for task in collections))


def passage_sets(config: Config, dataset: str) -> list[TextSet]:
    """Return the shards of the passages that a collection's queries are searched in."""
    owner = corpus_of(config, dataset)
    source = config.datasets[owner]
    return [
        TextSet(owner, "passages", number, source.shards, source.shard_rows)
        for number in range(1, source.shards + 1)
    ]


def shard_of(config: Config, dataset: str, number: int) -> TextSet:
    """Return one shard of a collection's passages; InputError if there is none of the number."""
    sets = passage_sets(config, dataset)
    if not 1 <= number <= len(sets):
        raise InputError(f"dataset '{dataset}' has {len(sets)} shards, there is no shard {number}")
    return sets[number - 1]


def sharded(sets: list[TextSet]) -> list[TextSet]:
    """Return those sets that are embedded by a job of their own."""
    return [texts for texts in sets if texts.shards > 1]
