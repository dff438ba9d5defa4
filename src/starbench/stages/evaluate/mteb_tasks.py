"""Tasks of MTEB: its own code on stored embeddings, at every cell of the grid."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.machine.progress import Progress
from starbench.machine.startup import importing
from starbench.measures import TASKS
from starbench.run.embeddings import similarity_of
from starbench.sizes import Size
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.embeddings import EMBED_AGAIN, StoredEmbeddings
from starbench.store.records import TEXTS, read_records
from starbench.store.scores import SCORES, TASK_RESULTS, write_scores
from starbench.store.tasks import ENCODE, StoredTask, asked

with importing():
    import mteb
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta, ScoringFunction
    from mteb.results import TaskResult

log = logging.getLogger(__name__)

SMALLEST_NORM = 1e-12
"""As torch's `normalize` has it."""


def score_task(task: Task) -> Scored:
    """Score one model's embeddings of a task at every cell.

    Beside the main score of each cell in ``scores.csv``, ``tasks/<size>.json`` is MTEB's own result
    with all that it measures.
    """
    stored = StoredTask(task.paths.dataset(task.dataset))
    data, (embeddings,) = stored.data(), task.embeddings
    texts = read_records(stored.folder, TEXTS)
    encoder = TaskEncoder(
        embeddings,
        {key: row for row, key in enumerate(zip(texts["role"], texts["text"], strict=True))},
        similarity_of(embeddings, task.model),
    )
    logging.getLogger("mteb").setLevel(logging.ERROR)
    scores, files, constant = [], [SCORES], []
    what = f"{stored.facts.name} at every size"
    with Progress(what, len(task.model.cells), "sizes") as progress:
        for cell in task.model.cells:
            encoder.use(cell)
            result = evaluated(encoder, stored.task(data))
            value = float(result.get_score())
            scores += task.scores(cell, next(iter(TASKS)), value, len(texts))
            files.append(f"{TASK_RESULTS}/{cell}.json")
            with written_whole(task.folder / files[-1]) as temporary:
                result.to_disk(temporary)
            if encoder.is_constant:
                constant.append(cell)
            progress.step()
    write_scores(task.folder / SCORES, scores)
    return Scored(files, constant)


def evaluated(encoder: AbsEncoder, task: Any) -> TaskResult:
    """Return MTEB's result of a task."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of the task; classifiers that stop early
        result = mteb.evaluate(
            encoder,
            task,
            cache=None,
            co2_tracker=False,
            encode_kwargs=ENCODE,
            show_progress_bar=False,
        )
    return result.task_results[0]


class TaskEncoder(AbsEncoder):  # type: ignore[misc]
    """An MTEB encoder that looks the embeddings of a task's texts up.

    Args:
        embeddings: of the texts.
        rows: {(role, text): row}.
        similarity: what compares them, ``cosine`` or ``dot``.
    """

    def __init__(
        self, embeddings: StoredEmbeddings, rows: dict[tuple[str, str], int], similarity: str
    ) -> None:
        if len(rows) != embeddings.rows:
            raise InputError(
                f"{embeddings.folder} holds {embeddings.rows} texts, the task {len(rows)}"
            )
        self.model = None
        meta = ModelMeta.create_empty(
            {"name": "starbench/stored-embeddings", "revision": embeddings.manifest["identity"]}
        )
        function = ScoringFunction.DOT_PRODUCT if similarity == "dot" else ScoringFunction.COSINE
        self.mteb_model_meta = meta.model_copy(update={"similarity_fn_name": function})
        self.embeddings, self.rows = embeddings, rows
        self.vectors = np.empty((0, 0), dtype=np.float32)

    def use(self, size: Size) -> None:
        """Take the embeddings of a size, as a model of that size gives them.

        Raises InputError for values that are not finite.
        """
        self.vectors = self.embeddings.at(size).astype(np.float32)
        if not np.isfinite(self.vectors).all():
            raise self.embeddings.not_finite(size.layers)
        if self.embeddings.manifest["normalises"]:
            norms = np.linalg.norm(self.vectors, axis=1, keepdims=True)
            self.vectors = self.vectors / np.maximum(norms, SMALLEST_NORM)

    @property
    def is_constant(self) -> bool:
        """Whether all texts have the same embedding."""
        return bool((self.vectors == self.vectors[0]).all())

    def encode(self, inputs: Any, *, prompt_type: Any = None, **_: Any) -> np.ndarray:
        """Return the embeddings (texts, dim) of a data loader's texts, in float32."""
        role, texts = asked(inputs, prompt_type)
        try:
            return self.vectors[[self.rows[role, text] for text in texts]]
        except KeyError as missing:
            raise InputError(
                f"{self.embeddings.folder} has no embedding of the {missing}, for which the task "
                f"asks: fetch the dataset again, and {EMBED_AGAIN}"
            ) from None
