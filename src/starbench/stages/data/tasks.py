"""Fetching a task of MTEB: its data, and the texts that its evaluation embeds."""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from starbench.errors import InputError
from starbench.machine.startup import importing
from starbench.sources.fields import label, text
from starbench.sources.source import Collection, Records, TaskRecords
from starbench.sources.tasks import OF_COLLECTIONS
from starbench.stages.data.checks import checked
from starbench.stages.data.collections import fetch_collection
from starbench.stages.data.findings import Findings
from starbench.stages.data.titles import Titles
from starbench.store.own_tasks import TYPES, own_task
from starbench.store.records import PASSAGES, QRELS, QUERIES, SCHEMAS, TEXTS, Record, write_records
from starbench.store.tasks import (
    ENCODE,
    PARTS,
    ROLES,
    TASK,
    TaskFacts,
    asked,
    local,
    mteb_task,
    read_parts,
    with_data,
    write_task,
)

with importing():
    from datasets import Dataset
    from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy
    from mteb.abstasks.pair_classification import AbsTaskPairClassification
    from mteb.abstasks.sts import AbsTaskSTS
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask

LEAST_EXAMPLES = 2
"""Texts of a label to learn it from: MTEB draws several, each time others."""


def fetch_task(
    name: str, shown: str, found: TaskRecords | AbsTask, folder: Path, findings: Findings
) -> tuple[dict[str, int], list[str]]:
    """Write the data of a task and the texts to embed.

    Args:
        name: the dataset's name in the config.
        shown: its name in results, where it is no task of MTEB.
        found: what its source gives.
        folder: where the files go.
        findings: where what is odd is counted.

    Returns:
        The number of texts, by their file; and the files of the data.

    Raises:
        InputError: a record that lacks a field, a label that nothing can be learned of, or data
            that MTEB's task cannot be made of. Nothing is left behind then.
    """
    try:
        task, code = (
            _own(name, shown, found, findings)
            if isinstance(found, TaskRecords)
            else (found, found.metadata.name)
        )
        files = write_task(folder, task, code)
        fresh = with_data(TaskFacts.of(task, code).task(), read_parts(folder, files))
        texts = list(texts_of(fresh))
        if not texts:
            raise InputError(f"dataset '{name}': the task embeds no text")
        write_records(folder / TEXTS, SCHEMAS[TEXTS], texts)
    except BaseException:
        shutil.rmtree(folder / PARTS, ignore_errors=True)
        for file in (TASK, TEXTS):
            (folder / file).unlink(missing_ok=True)
        raise
    return {TEXTS: len(texts)}, files


def texts_of(task: AbsTask) -> Iterator[Record]:
    """Yield {id, role, text}: each text that a task asks an encoder for, once, by role.

    The task is evaluated on vectors that mean nothing: which texts it embeds depends on its data
    and its seed alone.
    """
    recorder = _Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a classifier of such vectors does not converge
        for split in task.eval_splits:
            task.evaluate(recorder, split, encode_kwargs=ENCODE)
    number = 0
    for role in ROLES.values():
        for found in recorder.texts[role]:
            yield {"id": str(number), "role": role, "text": found}
            number += 1


class _Recorder(AbsEncoder):  # type: ignore[misc]
    """An encoder that notes what it is asked for; its vectors are of length 1 in two dimensions."""

    def __init__(self) -> None:
        self.model = None
        self.mteb_model_meta = ModelMeta.create_empty({"name": "starbench/none", "revision": "1"})
        self.texts: dict[str, dict[str, None]] = {role: {} for role in ROLES.values()}

    def encode(self, inputs: Any, *, prompt_type: Any = None, **_: Any) -> np.ndarray:
        role, texts = asked(inputs, prompt_type)
        self.texts[role].update(dict.fromkeys(texts))
        angles = np.array([zlib.crc32(found.encode()) for found in texts], dtype=np.float64)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _own(name: str, shown: str, found: TaskRecords, findings: Findings) -> tuple[AbsTask, str]:
    """Return a task of MTEB with data of one's own, and what is run on them."""
    if found.task in TYPES:
        kind, task = found.task, own_task(found.task, shown, found.split)
    else:
        task = local(mteb_task(found.task, [found.split]))
        kind = _kind_of(task)
    if kind in OF_COLLECTIONS:
        if found.collection is None:
            raise InputError(f"dataset '{name}': {kind} needs a BEIR folder, with corpus.jsonl")
        data: Any = _collection(name, found.collection, kind, findings)
        return with_data(task, {"default": {found.split: data}}), found.task
    if found.collection is not None:
        raise InputError(f"dataset '{name}': {kind} needs {found.split}.jsonl, not a BEIR folder")
    needed = ["train", found.split] if kind == "Classification" else [found.split]
    if "train" not in found.records and kind == "Classification":
        raise InputError(f"dataset '{name}': a classification needs examples: give train.jsonl")
    rows = {split: _rows(kind, found.records[split], findings) for split in needed}
    CHECKS[kind](name, rows, found.split)
    if kind in ("Classification", "Clustering"):
        _number_labels(rows.values())
    columns = dict(zip(rows[found.split][0], columns_of(task), strict=True))
    named = {
        getattr(task, "train_split", split) if split == "train" else split: Dataset.from_dict(
            {column: [row[field] for row in made] for field, column in columns.items()}
        )
        for split, made in rows.items()
    }
    return with_data(task, {"default": named}), found.task


def _kind_of(task: AbsTask) -> str:
    """Return which type of `own_tasks.TYPES` a task of MTEB is of; InputError if of none."""
    about = task.metadata
    if (
        about.type not in TYPES
        or about.is_multilingual
        or isinstance(task, AbsTaskClusteringLegacy)
    ):
        raise InputError(
            f"MTEB's task {about.name} has data in a form of its own: what can be done with other "
            f"data is {', '.join(TYPES)}"
        )
    return str(about.type)


def columns_of(task: AbsTask) -> tuple[str, ...]:
    """Return the columns of a task's rows: texts first, then the label or the score."""
    if isinstance(task, AbsTaskSTS):
        return (*task.column_names, "score")
    if isinstance(task, AbsTaskPairClassification):
        return task.input1_column_name, task.input2_column_name, task.label_column_name
    return task.input_column_name, task.label_column_name


def _rows(kind: str, records: Records, findings: Findings) -> list[Record]:
    if kind == "STS":
        return list(checked("pairs", records, findings))
    if kind != "PairClassification":
        return list(checked("labelled", records, findings))
    rows = []
    for where, record in records:
        pair = {side: text(record, side, where) for side in ("sentence1", "sentence2")}
        value = label(record, "label", where)
        if value not in ("0", "1"):
            raise InputError(f"{where}: field 'label' is '{value}': a pair's is 0 or 1")
        rows.append({**pair, "label": int(value)})
    return rows


def _number_labels(splits: Iterable[list[Record]]) -> None:
    """Give labels numbers from 0, in the order of the numbers that they are, or of the alphabet.

    MTEB takes two labels to be 0 and 1.
    """
    rows = [row for split in splits for row in split]
    names = {row["label"] for row in rows}
    order = int if all(re.fullmatch(r"-?\d{1,9}", name) for name in names) else str
    numbers = {name: place for place, name in enumerate(sorted(names, key=order))}
    for row in rows:
        row["label"] = numbers[row["label"]]


def _check_classes(name: str, rows: Mapping[str, list[Record]], split: str) -> None:
    count = Counter(row["label"] for row in rows["train"])
    for found in dict.fromkeys(row["label"] for row in rows[split]):
        if found not in count:
            raise InputError(
                f"dataset '{name}': the label '{found}' of {split} has no example in train"
            )
    for found, examples in count.items():
        if examples < LEAST_EXAMPLES:
            raise InputError(
                f"dataset '{name}': the label '{found}' has one example in train: give at least "
                f"{LEAST_EXAMPLES}, of which MTEB draws anew for each of its trials"
            )


def _check_pairs(name: str, rows: Mapping[str, list[Record]], split: str) -> None:
    if len({row["label"] for row in rows[split]}) < 2:
        raise InputError(f"dataset '{name}': all of its pairs have one label: give both 0 and 1")


def _no_more(name: str, rows: Mapping[str, list[Record]], split: str) -> None:
    """Find nothing wrong beyond what is checked in every record."""


CHECKS = {
    "Classification": _check_classes,
    "Clustering": _no_more,
    "PairClassification": _check_pairs,
    "STS": _no_more,
}


def _collection(name: str, collection: Collection, kind: str, findings: Findings) -> dict[str, Any]:
    """Return a collection as MTEB's retrieval reads it; of reranking, the judged as candidates."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        fetch_collection(name, collection, folder, None, findings, Titles())
        corpus, queries, qrels = (
            Dataset.from_dict(Dataset.from_file(str(folder / file), in_memory=True)[:])
            for file in (PASSAGES, QUERIES, QRELS)
        )
    known = set(corpus["id"])
    relevant: dict[str, dict[str, int]] = {}
    candidates: dict[str, list[str]] = {}
    for judged in qrels:
        relevant.setdefault(judged["query"], {})[judged["passage"]] = judged["relevance"]
        if judged["passage"] in known:
            candidates.setdefault(judged["query"], []).append(judged["passage"])
    return {
        "corpus": corpus,
        "queries": queries,
        "relevant_docs": relevant,
        "top_ranked": candidates if kind == "Reranking" else None,
    }
