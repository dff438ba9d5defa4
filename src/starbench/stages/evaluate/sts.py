"""Semantic textual similarity: MTEB's own task code, fed with stored embeddings."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta

from starbench.errors import InputError
from starbench.measures import PAIRS, Measure
from starbench.run.measured import measures_of
from starbench.run.texts import texts_of
from starbench.sizes import Size
from starbench.stages.evaluate.measures import checked_value
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.arrays import save_array
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.records import read_records
from starbench.store.scores import SCORES, SIMILARITIES, write_scores
from starbench.tracks.track import named

log = logging.getLogger(__name__)

SPLIT = "test"


def score_pairs(task: Task) -> Scored:
    """Score one model's embeddings of a dataset of pairs at every cell."""
    rows = read_records(task.paths.dataset(task.dataset))
    (embeddings,) = task.embeddings
    cells = list(task.model.cells)
    scores = []
    for cell in cells:
        if not np.isfinite(embeddings.at(cell)).all():
            raise embeddings.not_finite(cell.layers)
    cosines = similarities(rows, embeddings, cells)
    measures = measures_of(task.config, task.model.track, task.dataset)
    for cell, metric, value in values_of_pairs(task, rows, embeddings, cosines, measures):
        scores += task.scores(cell, metric, value, len(rows))
        if math.isnan(value):
            log.warning(
                "%s of %s at %s on %s is not a number: all similarities are equal",
                metric,
                task.model.name,
                cell,
                task.dataset,
            )
    task.folder.mkdir(parents=True, exist_ok=True)
    save_array(task.folder / SIMILARITIES, cosines)
    write_scores(task.folder / SCORES, scores)
    constant = [cell for cell, row in zip(cells, cosines, strict=True) if np.ptp(row) == 0]
    return Scored([SCORES, SIMILARITIES], constant)


def values_of_pairs(
    task: Task,
    rows: Dataset,
    embeddings: StoredEmbeddings,
    cosines: np.ndarray,
    measures: Sequence[Measure],
) -> list[tuple[Size, str, float]]:
    """Return (size, metric, value) of every measure at each cell; cosines (cells, pairs)."""
    cells = list(task.model.cells)
    of_mteb = [measure.name for measure in measures if measure.function is None]
    values = sts_scores(task.dataset, rows, embeddings, cells, of_mteb)
    for measure in measures:
        if measure.function is not None:
            values += _of_plugin(measure, cells, cosines, np.asarray(rows["score"]))
    return values


class StoredEncoder(AbsEncoder):  # type: ignore[misc]
    """An MTEB encoder that looks embeddings up instead of computing them.

    `size` says at which size; it may be changed between two evaluations.
    """

    def __init__(self, embeddings: StoredEmbeddings, texts: list[str], size: Size) -> None:
        if len(texts) != embeddings.rows:
            raise InputError(
                f"{embeddings.folder} holds {embeddings.rows} texts, the dataset {len(texts)}"
            )
        self.model = None
        self.mteb_model_meta = ModelMeta.create_empty(
            overrides_of("starbench/stored-embeddings", embeddings.manifest["identity"])
        )
        self.embeddings, self.size = embeddings, size
        self._row = {text: row for row, text in enumerate(texts)}

    def encode(self, inputs: Any, **_: Any) -> np.ndarray:
        """Return the embeddings (texts, dim) of a data loader's texts, in float32."""
        rows = [self._row[text] for text in inputs.dataset["text"]]
        return self.embeddings.at(self.size)[rows].astype(np.float32)


def overrides_of(name: str, revision: str) -> dict[str, Any]:
    """Return a model's name and revision as MTEB wants them."""
    return {"name": name, "revision": revision}


def sts_task(name: str, rows: Dataset) -> AbsTaskSTS:
    """Return an MTEB STS task on `rows` (sentence1, sentence2, score)."""
    metadata = TaskMetadata(
        name=name,
        dataset={"path": name, "revision": "local"},
        description=name,
        type="STS",
        category="t2t",
        modalities=["text"],
        eval_splits=[SPLIT],
        eval_langs=["eng-Latn"],
        main_score=next(iter(PAIRS)),
    )
    task = type("FolderSTS", (AbsTaskSTS,), {"metadata": metadata})()
    task.dataset = {"default": DatasetDict({SPLIT: _ListColumns.from_dict(rows[:])})}
    task.data_loaded = True
    return task


class _ListColumns(Dataset):  # type: ignore[misc]
    """A dataset whose columns are lists: MTEB goes through them row by row, 36 times and more."""

    def __getitem__(self, key: Any) -> Any:
        """Return a column as a list, and anything else as a Dataset does."""
        return (
            super().__getitem__(slice(None))[key]
            if isinstance(key, str)
            else super().__getitem__(key)
        )


def sts_scores(
    name: str,
    rows: Dataset,
    embeddings: StoredEmbeddings,
    cells: list[Size],
    metrics: Sequence[str] = tuple(PAIRS),
) -> list[tuple[Size, str, float]]:
    """Return (size, metric, value) of each cell: correlation of cosine with the gold score.

    Metrics are spelt as MTEB spells them. A value is NaN where all cosines are equal.
    """
    task = sts_task(name, rows)
    encoder = StoredEncoder(embeddings, texts_of(rows), cells[0])
    scores = []
    for cell in cells:
        encoder.size = cell
        values = task.evaluate(encoder, SPLIT, encode_kwargs={"batch_size": 1024})["default"]
        scores += [(cell, metric, float(values[metric])) for metric in metrics]
    return scores


def _of_plugin(
    measure: Measure, cells: Sequence[Size], cosines: np.ndarray, gold: np.ndarray
) -> list[tuple[Size, str, float]]:
    """Return (size, metric, value) of a plugin's measure at each cell; cosines (cells, pairs)."""
    assert measure.function is not None
    function: Callable[[np.ndarray, np.ndarray], float] = named(measure.function)
    return [
        (cell, measure.name, checked_value(measure, function(row, gold), str(cell)))
        for cell, row in zip(cells, cosines, strict=True)
    ]


def similarities(rows: Dataset, embeddings: StoredEmbeddings, cells: Sequence[Size]) -> np.ndarray:
    """Return the cosine of every pair at every cell (cells, pairs), float32."""
    row_of = {text: row for row, text in enumerate(texts_of(rows))}
    first = [row_of[text] for text in rows["sentence1"]]
    second = [row_of[text] for text in rows["sentence2"]]
    return np.stack([_cosines(embeddings.at(cell), first, second) for cell in cells])


def _cosines(vectors: np.ndarray, first: list[int], second: list[int]) -> np.ndarray:
    unit = vectors.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    cosines: np.ndarray = np.einsum("pd,pd->p", unit[first], unit[second])
    return cosines
