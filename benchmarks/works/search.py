"""Exact search of 36 cells in one pass per layer beside a FAISS flat index for each cell."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

from benchmarks.work import Case, Work
from starbench.sizes import Size, grid_of
from starbench.stages.evaluate.search import search
from starbench.store.embeddings import EmbeddingWriter, StoredEmbeddings
from starbench.store.manifest import Stage

SIZES = [Size(2, 32), Size(4, 64), Size(6, 128), Size(8, 256), Size(10, 512), Size(12, 768)]
PASSAGES, QUERIES, DEPTH = 200_000, 200, 1000

Found = dict[Size, np.ndarray]
"""The scores of every query's best passages at every cell, (queries, depth)."""


def stored(folder: Path, rows: int, sizes: list[Size], seed: int) -> StoredEmbeddings:
    """Return random embeddings of all layers of `sizes`, on disk."""
    width = sizes[-1].dim
    values = np.random.default_rng(seed).standard_normal((rows, width), dtype=np.float32)
    layers = [size.layers for size in sizes]
    writer = EmbeddingWriter(folder, rows, dict.fromkeys(layers, width), "float32")
    for first in range(0, rows, 10_000):
        part = range(first, min(first + 10_000, rows))
        # Other columns of the same numbers: drawing anew for each layer would take longer.
        writer.write(part, {n: np.roll(values[first : part.stop], n, axis=1) for n in layers})
    Stage("embed", 0, {}, inputs=[]).finish(folder, writer.close(), texts=rows)
    return StoredEmbeddings(folder)


def _prepare(device: str, folder: Path) -> Case:
    queries = stored(folder / "queries", QUERIES, SIZES, seed=1)
    passages = stored(folder / "passages", PASSAGES, SIZES, seed=2)
    layers = [size.layers for size in SIZES]

    def cells_of(part: int) -> list[Size]:
        return [cell for cell in grid_of(SIZES) if cell.layers == layers[part]]

    def ours(part: int) -> Found:
        order = np.arange(PASSAGES)
        found = search(queries, [passages], cells_of(part), DEPTH, "dot", order)
        return {cell: ranking.scores for cell, ranking in found.items()}

    def peer(part: int) -> Found:
        found = {}
        for cell in cells_of(part):
            index = faiss.IndexFlatIP(cell.dim)
            index.add(np.ascontiguousarray(passages.at(cell)))
            found[cell], _ = index.search(np.ascontiguousarray(queries.at(cell)), DEPTH)
        return found

    def difference(own: Found, other: Found) -> float:
        return max(float(np.abs(own[cell] - other[cell]).max()) for cell in own)

    # A layer is a part: neither side shares anything between layers.
    return Case(ours, peer, difference, tolerance=1e-3, rounds=len(layers), parts=True)


WORK = Work(
    "exact search of 36 cells",
    "a FAISS flat index a cell",
    _prepare,
    time_target=2,
    memory_target=2,
)
