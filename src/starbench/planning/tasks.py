"""How many texts a task of MTEB embeds and how long they are: counted, or as MTEB tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from starbench.errors import InputError
from starbench.planning.lengths import Lengths, spread_evenly
from starbench.sources.mteb import MtebSource
from starbench.sources.source import Source, TaskRecords
from starbench.store.records import passage_text
from starbench.store.tasks import mteb_task

CHARACTERS = 6
"""Characters of an English word, with the space after it."""
SPREAD = 0.6
"""Of the logarithm of the number of words, where nothing but their mean is known."""
DRAWN = 80
"""Texts of a label that a classification trains on: ten trials of eight."""
TEXT_FIELDS = ("text", "sentence1", "sentence2")


class TaskTexts(NamedTuple):
    """The texts that a task embeds."""

    texts: int
    lengths: Lengths
    origin: str


def task_texts(name: str, source: Source, root: Path | None) -> TaskTexts:
    """Return the texts that a task embeds; InputError, naming the dataset, if nothing tells."""
    if isinstance(source, MtebSource):
        return _told(name, source)
    found = source.task_data(root)
    assert isinstance(found, TaskRecords)
    sample, count = spread_evenly(_texts(found))
    origin = "generated" if getattr(source, "source", None) == "micro" else "on disk"
    return TaskTexts(count, Lengths.of_texts(sample or [""]), origin)


def _texts(found: TaskRecords) -> Iterator[str]:
    if found.collection is not None:
        for _, record in chain(found.collection.passages, found.collection.queries):
            yield passage_text(record)
    for _, record in chain.from_iterable(found.records.values()):
        yield from (str(record[field]) for field in TEXT_FIELDS if field in record)


def _told(name: str, source: MtebSource) -> TaskTexts:
    """Return what MTEB's package tells of the data of its task."""
    task = mteb_task(source.name, source.splits, source.subsets)
    told = task.metadata.descriptive_stats
    if not told:
        raise InputError(
            f"dataset '{name}': MTEB does not tell the size of {source.name}; state it: "
            f"--records {name}=TEXTS"
        )
    count, characters = 0, 0.0
    for split, facts in told.items():
        if split not in task.eval_splits and split != getattr(task, "train_split", None):
            continue
        of_subsets = facts.get("hf_subset_descriptive_stats") or {}
        for part in [of_subsets[key] for key in task.hf_subsets if key in of_subsets] or [facts]:
            texts, length = _counted(part, trains=split not in task.eval_splits)
            count, characters = count + texts, characters + texts * length
    words = characters / max(1, count) / CHARACTERS
    return TaskTexts(count, Lengths.of_words(words, SPREAD), "known")


def _counted(facts: Mapping[str, Any], trains: bool) -> tuple[int, float]:
    """Return how many distinct texts a split has, and the characters of one on average."""
    found = [part for key, part in facts.items() if key.endswith("text_statistics") and part]
    found += [part for key in ("text1", "text2") if (part := facts.get(f"{key}_statistics"))]
    texts = sum(part["unique_texts"] for part in found)
    length = sum(part["total_text_length"] for part in found) / max(1, texts)
    if trains:
        labels = (facts.get("label_statistics") or {}).get("unique_labels", texts)
        texts = min(texts, DRAWN * labels)
    return texts, length
