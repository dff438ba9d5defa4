"""Leakage: scored pairs and queries that occur in the training data of a track's models."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.store.records import QUERIES, TEXTS, read_records

ROWS_AT_A_TIME = 1000

Texts = tuple[str, ...]
"""What is looked for: the two texts of a pair in alphabetical order, one query or labelled text."""


@dataclass(frozen=True)
class Leakage:
    """What of one scored dataset occurs in one training dataset."""

    track: str
    training: str
    dataset: str
    exact: int
    """Scored pairs, queries or labelled texts whose very characters occur."""
    normalised: int
    """The same, whatever case, punctuation, white space and Unicode form they have."""
    scored: int
    """Pairs, queries or labelled texts that are scored."""
    training_rows: int
    """Training examples that hold any of them."""


@dataclass
class _Found:
    """What was met of one scored dataset while the training data were read."""

    exact: set[int] = field(default_factory=set)
    normalised: set[int] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)


def normalised(text: str) -> str:
    """Return the words of a text in their compatibility form and lower case, a space between.

    A text without any word stays as it is, so that it only equals itself.
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(words) or text


def training_sets(config: Config, track: str) -> list[str]:
    """Return the datasets that models of a track are fine-tuned on, in the order of the systems."""
    return list(
        dict.fromkeys(
            name
            for model in models_of(config, track)
            if model.objective.trains
            for name in model.finetuning.datasets
        )
    )


def compared_datasets(config: Config) -> list[str]:
    """Return every dataset that models are fine-tuned on or scored on, each once."""
    used = [
        name
        for track, section in config.tracks.items()
        for name in (*training_sets(config, track), *section.scored)
    ]
    return list(dict.fromkeys(used))


def leakages(config: Config, paths: RunPaths) -> list[Leakage]:
    """Return what occurs where, for every training and every scored dataset of each track."""
    return [
        found
        for track in config.tracks
        for training in training_sets(config, track)
        for found in _leakages(config, paths, track, training)
    ]


def rows_without_leakage(config: Config, paths: RunPaths, track: str, training: str) -> np.ndarray:
    """Return the numbers of the training examples that hold nothing which the track scores.

    Raises InputError if there are none.
    """
    found, _, rows = _search(config, paths, track, training)
    leaking = set().union(*(part.rows for part in found.values()))
    if len(leaking) == rows:
        raise InputError(
            f"every example of the training data '{training}' holds something that the track "
            f"{track} scores: `leakage: drop` leaves nothing to train on"
        )
    return np.array([row for row in range(rows) if row not in leaking], dtype=np.int64)


def _leakages(config: Config, paths: RunPaths, track: str, training: str) -> Iterator[Leakage]:
    found, sizes, _ = _search(config, paths, track, training)
    for dataset, part in found.items():
        counts = len(part.exact), len(part.normalised), sizes[dataset], len(part.rows)
        yield Leakage(track, training, dataset, *counts)


def keys_in(config: Config, paths: RunPaths, names: Iterable[str]) -> set[Texts]:
    """Return the normalised pairs, queries and labelled texts of some datasets, and what training
    data hold."""
    keys: set[Texts] = set()
    for name in names:
        if config.datasets[name].kind in ("pairs", "labelled", "collection", "task"):
            keys |= set(map(_key, _scored_texts(config, paths, name)))
            continue
        rows = read_records(paths.dataset(name))
        for first in range(0, len(rows), ROWS_AT_A_TIME):
            held = _held(config.datasets[name].kind, rows[first : first + ROWS_AT_A_TIME])
            keys |= {_key(texts) for row in held for texts in row}
    return keys


def holds(kind: str, record: Mapping[str, Any], keys: set[Texts]) -> bool:
    """Whether a record holds a pair or a query of `keys`, whatever its case and punctuation."""
    ((*held,),) = _held(kind, {name: [value] for name, value in record.items()})
    return any(_key(texts) in keys for texts in held)


def _search(
    config: Config, paths: RunPaths, track: str, training: str
) -> tuple[dict[str, _Found], dict[str, int], int]:
    """Return what of each scored dataset was met, how large it is, and the training examples."""
    scored = {
        name: list(_scored_texts(config, paths, name)) for name in config.tracks[track].scored
    }
    places: dict[Texts, list[tuple[str, int, Texts]]] = defaultdict(list)
    for name, items in scored.items():
        for number, texts in enumerate(items):
            places[_key(texts)].append((name, number, texts))
    found = {name: _Found() for name in scored}
    rows = read_records(paths.dataset(training))
    kind = config.datasets[training].kind
    for first in range(0, len(rows), ROWS_AT_A_TIME):
        for row, held in enumerate(_held(kind, rows[first : first + ROWS_AT_A_TIME]), first):
            for texts in held:
                for name, number, exact in places.get(_key(texts), ()):
                    found[name].normalised.add(number)
                    found[name].rows.add(row)
                    if exact == texts:
                        found[name].exact.add(number)
    return found, {name: len(items) for name, items in scored.items()}, len(rows)


def _scored_texts(config: Config, paths: RunPaths, name: str) -> Iterator[Texts]:
    folder = paths.dataset(name)
    if config.datasets[name].kind == "collection":
        yield from ((text,) for text in read_records(folder, QUERIES)["text"])
        return
    if config.datasets[name].kind == "task":
        yield from ((text,) for text in dict.fromkeys(read_records(folder, TEXTS)["text"]))
        return
    if config.datasets[name].kind == "labelled":
        yield from ((text,) for text in read_records(folder)["text"])
        return
    pairs = read_records(folder)
    yield from map(_pair, pairs["sentence1"], pairs["sentence2"])


def _held(kind: str, batch: Mapping[str, Sequence[Any]]) -> Iterable[Sequence[Texts]]:
    """Yield what each example of a batch of training data holds: its pairs, and its question."""
    if kind == "training-queries":
        yield from ([(query,)] for query in batch["query"])
    elif kind == "triplets":
        for anchor, right, wrong in zip(
            batch["anchor"], batch["positive"], batch["negative"], strict=True
        ):
            yield [_pair(anchor, right), _pair(anchor, wrong), (anchor,)]
    elif kind == "anchor-positive":
        for anchor, right in zip(batch["anchor"], batch["positive"], strict=True):
            yield [_pair(anchor, right), (anchor,)]
    elif kind == "labelled":
        yield from ([(text,)] for text in batch["text"])
    else:
        for one, other in zip(batch["sentence1"], batch["sentence2"], strict=True):
            yield [_pair(one, other), (one,), (other,)]


def _pair(one: str, other: str) -> Texts:
    return tuple(sorted((one, other)))


def _key(texts: Texts) -> Texts:
    return tuple(sorted(map(normalised, texts)))
