"""Queries of one number of layers over passages of another one, at every number of dimensions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.run.embeddings import similarity_of
from starbench.sizes import Size, layers_of, widest_dim_by_layer
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.retrieval import measured_scores
from starbench.stages.evaluate.search import search
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.scores import ASYMMETRIC, ASYMMETRIC_COLUMNS


class AtLayer(StoredEmbeddings):
    """Stored embeddings whose vectors are those of one layer, whatever layer is asked for.

    Args:
        embeddings: what is stored.
        layer: the layer.
    """

    def __init__(self, embeddings: StoredEmbeddings, layer: int) -> None:
        super().__init__(embeddings.folder)
        self.layer = layer

    def at(self, size: Size) -> np.ndarray:
        """Return the vectors (rows, dim) of the layer."""
        return super().at(Size(self.layer, size.dim))

    def not_finite(self, layer: int) -> InputError:
        """Return the error of values that are not finite in the layer's file."""
        return super().not_finite(self.layer)


def score_asymmetric(task: Task) -> Scored:
    """Search a collection with queries of every number of layers but the passages' own."""
    collection = CollectionToScore.open(task.config, task.paths, task.model.track, task.dataset)
    queries, *shards = task.embeddings
    similarity = similarity_of(queries, task.model)
    depth, ranks = collection.depth_to_search, collection.tie_ranks
    rows: list[list[object]] = []
    for asked, cells in layer_pairs(task.model.cells):
        found = search(AtLayer(queries, asked), shards, cells, depth, similarity, ranks)
        for cell, ranking in found.items():
            ranked = {query: ids for query, ids, _ in collection.ranked(ranking)}
            for measured in measured_scores(collection.measuring.of(ranked)):
                rows += _rows(task, asked, cell, *measured)
    _write(task.folder / ASYMMETRIC, rows)
    return Scored([ASYMMETRIC], [])


def layer_pairs(cells: Sequence[Size]) -> Iterator[tuple[int, list[Size]]]:
    """Yield layers of queries, and other layers of passages with every dim that both have."""
    widths, dims = widest_dim_by_layer(cells), sorted({cell.dim for cell in cells})
    for asked, told in product(layers_of(cells), repeat=2):
        if asked != told:
            both = min(widths[asked], widths[told])
            yield asked, [Size(told, dim) for dim in dims if dim <= both]


def _rows(
    task: Task, asked: int, cell: Size, metric: str, mean: float, counted: int
) -> Iterator[list[object]]:
    where = [task.model.track, task.dataset, asked, cell.layers, cell.dim]
    for seed in task.seeds:
        yield [task.model.system, seed, *where, metric, repr(mean), counted]


def _write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(ASYMMETRIC_COLUMNS)
        writer.writerows(rows)
