"""Exact search over int8 and binary codes beside our float32 search and beside FAISS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch

from benchmarks.work import Case, Work
from benchmarks.works.search import stored
from starbench.sizes import Size
from starbench.stages.evaluate.coded_search import CodeSearch, block_rows
from starbench.stages.evaluate.coding import Coder, coder_of
from starbench.stages.evaluate.search import FIRST_BLOCK, search
from starbench.store.embeddings import StoredEmbeddings

CELL = Size(1, 384)
PASSAGES, QUERIES, DEPTH = 100_000, 200, 100
FLOAT32, FAISS = "our float32 search", "FAISS"

Search = Callable[[int], np.ndarray]
"""round -> rows of every query's best passages, (queries, depth)."""


def _prepare(name: str, peer: str, device: str, folder: Path) -> Case:
    queries = stored(folder / "queries", QUERIES, [CELL], seed=1)
    passages = stored(folder / "passages", PASSAGES, [CELL], seed=2)
    coder = coder_of(name, False, "none", passages.block(CELL, 0, 10_000), "the passages")
    ours = _over_codes(coder, queries, passages, torch.device(device))
    if peer == FLOAT32:
        # Fewer bits rank otherwise: they must find some of the same passages.
        return Case(ours, _over_floats(queries, passages), _lost, tolerance=0.9)
    faiss_search = _by_faiss(name, coder, queries, passages)
    return Case(ours, faiss_search, _lost, tolerance=0.02)  # ties come in another order


def _over_codes(
    coder: Coder, queries: StoredEmbeddings, passages: StoredEmbeddings, device: torch.device
) -> Search:
    """Return the search of codes that are made already, as those of an index are."""
    codes = coder.passages(torch.from_numpy(passages.block(CELL, 0, PASSAGES)).to(device))
    vectors = torch.from_numpy(queries.block(CELL, 0, QUERIES)).to(device)
    most, order = block_rows(QUERIES, device), np.arange(PASSAGES)

    def run(_: int) -> np.ndarray:
        found = CodeSearch(coder.queries(vectors), DEPTH, order)
        first, rows = 0, min(FIRST_BLOCK, most)
        while first < PASSAGES:
            found.add(codes[first : first + rows], first)
            first, rows = first + rows, min(2 * rows, most)
        return found.ranking().rows

    return run


def _over_floats(queries: StoredEmbeddings, passages: StoredEmbeddings) -> Search:
    order = np.arange(PASSAGES)
    return lambda _: search(queries, [passages], [CELL], DEPTH, "dot", order)[CELL].rows


def _by_faiss(
    name: str, coder: Coder, queries: StoredEmbeddings, passages: StoredEmbeddings
) -> Search:
    told, asked = passages.block(CELL, 0, PASSAGES), queries.block(CELL, 0, QUERIES)
    index: Any
    if name == "binary":
        index = faiss.IndexBinaryFlat(CELL.dim)
        index.add(np.packbits(told > 0, axis=1))
        bits = np.packbits(asked > 0, axis=1)
        return lambda _: index.search(bits, DEPTH)[1]
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
    index = faiss.IndexScalarQuantizer(CELL.dim, kind, faiss.METRIC_INNER_PRODUCT)
    index.add(coder.passages(torch.from_numpy(told)).numpy().astype(np.float32))
    codes = coder.queries(torch.from_numpy(asked)).codes.numpy().astype(np.float32)
    return lambda _: index.search(codes, DEPTH)[1]


def _lost(own: np.ndarray, other: np.ndarray) -> float:
    """Return the share of one side's passages that the other one did not find."""
    pairs = zip(own, other, strict=True)
    found = sum(len(np.intersect1d(mine, theirs)) for mine, theirs in pairs)
    return 1 - found / other.size


def _work(name: str, peer: str, target: float | None) -> Work:
    return Work(
        f"{name} search beside {peer}",
        peer,
        partial(_prepare, name, peer),
        time_target=target,
        weighed=False,
    )


WORKS = [
    _work("int8", FLOAT32, 2),
    _work("int8", FAISS, 1),
    _work("binary", FLOAT32, 8),
    _work("binary", FAISS, 1),
]
