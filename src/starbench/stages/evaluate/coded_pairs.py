"""Scoring one model on one dataset of pairs with fewer bits a number, at every cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from starbench.run.bits import scored_bits, stored_bits
from starbench.run.measured import measures_of
from starbench.sizes import Size
from starbench.stages.evaluate.coders import Coders, calibrated_on
from starbench.stages.evaluate.coding import Coder
from starbench.stages.evaluate.sts import similarities, values_of_pairs
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.arrays import save_array
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.records import read_records
from starbench.store.scores import SCORES, SIMILARITIES, Score, of_bits, write_scores


class CodedEmbeddings(StoredEmbeddings):
    """Stored embeddings as their codes give them back: both texts of a pair are codes.

    Args:
        embeddings: what is stored.
        coder_at: the coder of a size.
    """

    def __init__(self, embeddings: StoredEmbeddings, coder_at: Callable[[Size], Coder]) -> None:
        super().__init__(embeddings.folder)
        self._coder_at = coder_at
        self.blank: dict[Size, int] = {}
        """How many texts have the code that holds no information, where some have."""

    def at(self, size: Size) -> np.ndarray:
        """Return the vectors (rows, dim), float32, that codes of a size stand for."""
        stored = np.array(super().at(size), dtype=np.float32)
        if not np.isfinite(stored).all():
            raise self.not_finite(size.layers)
        coder = self._coder_at(size)
        codes = coder.passages(torch.from_numpy(stored))
        if count := coder.blank(codes):
            self.blank[size] = count
        vectors: np.ndarray = coder.vectors(codes).numpy()
        return vectors


def score_pairs(task: Task) -> Scored:
    """Score one model's codes of a dataset of pairs at every cell."""
    rows = read_records(task.paths.dataset(task.dataset))
    (embeddings,) = task.embeddings
    cells, track = list(task.model.cells), task.model.track
    coders = _coders(task, embeddings)
    measures = measures_of(task.config, track, task.dataset)
    scores: list[Score] = []
    files = [SCORES]
    coding: dict[str, int] = {}
    names = scored_bits(task.config, track)
    coders.fit(cells, names)
    for name in names:
        coded = CodedEmbeddings(embeddings, partial(coders.made, name=name))
        cosines = similarities(rows, coded, cells)
        files.append(of_bits(SIMILARITIES, name))
        task.folder.mkdir(parents=True, exist_ok=True)
        save_array(task.folder / files[-1], cosines)
        for cell, metric, value in values_of_pairs(task, rows, coded, cosines, measures):
            scores += task.scores(cell, metric, value, len(rows), name)
        coding |= {f"{name} {size}": count for size, count in coded.blank.items()}
    write_scores(task.folder / SCORES, scores)
    return Scored(files, [], coders.constant | coding)


def _coders(task: Task, embeddings: StoredEmbeddings) -> Coders:
    """Return the coders; ranges are those of the texts themselves, whose gold score none has."""
    track = task.model.track
    options = task.config.tracks[track].bits
    assert options is not None
    count = min(options.calibration, embeddings.rows)
    rows = np.arange(count) * embeddings.rows // max(1, count)
    return Coders(
        options,
        True,
        stored_bits(task.config, track),
        lambda size: np.array(embeddings.at(size)[rows], dtype=np.float32),
        calibrated_on(task, count, f"text{'s' * (count != 1)}"),
    )
