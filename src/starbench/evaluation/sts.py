"""Semantic textual similarity: MTEB's own task code, fed with stored embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta

from starbench.embedding.store import StoredEmbeddings
from starbench.embedding.texts import texts_of
from starbench.errors import InputError
from starbench.sizes import Size

METRICS = ("cosine_spearman", "cosine_pearson")
SPLIT = "test"


class StoredEncoder(AbsEncoder):  # type: ignore[misc]
    """An MTEB encoder that looks embeddings up instead of computing them.

    `size` says at which size; it may be changed between two evaluations.
    """

    def __init__(self, embeddings: StoredEmbeddings, texts: list[str], size: Size) -> None:
        if len(texts) != len(embeddings.ids):
            raise InputError(
                f"{embeddings.folder} holds {len(embeddings.ids)} texts, the dataset {len(texts)}"
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
        main_score=METRICS[0],
    )
    task = type("FolderSTS", (AbsTaskSTS,), {"metadata": metadata})()
    task.dataset = {"default": DatasetDict({SPLIT: rows})}
    task.data_loaded = True
    return task


def sts_scores(
    name: str, rows: Dataset, embeddings: StoredEmbeddings, cells: list[Size]
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
        scores += [(cell, metric, float(values[metric])) for metric in METRICS]
    return scores
