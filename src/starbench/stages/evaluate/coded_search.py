"""Exact search over codes: the best passages of every query by each representation of a size."""

# Q = queries of a block, B = passages of a block, D = dimensions

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from starbench.config.amounts import QUERIES_PER_BLOCK
from starbench.errors import InputError
from starbench.machine.gpus import torch_device
from starbench.sizes import Size
from starbench.stages.evaluate.coding import LARGEST_CODE, Coder, QueryCodes
from starbench.stages.evaluate.search import SCORES_PER_BLOCK, Best, Ranking, as_float, blocks
from starbench.store.embeddings import StoredEmbeddings

WHOLE_IN_FLOAT32 = 2**24
"""Sums of whole numbers below this are exact in float32."""


class CodesFound(NamedTuple):
    """What a search over codes found, by the name of what made them."""

    rankings: dict[str, Ranking]
    blank: dict[str, int]
    """How many passages have the code that holds no information, where some have."""


def search_codes(
    queries: StoredEmbeddings,
    shards: Sequence[StoredEmbeddings],
    cell: Size,
    coders: Mapping[str, Coder],
    depth: int,
    tie_ranks: np.ndarray,
    device: torch.device | None = None,
) -> CodesFound:
    """Return the ranking of every query by each coder, from one pass over the stored vectors.

    Args:
        queries: embeddings of the queries.
        shards: embeddings of the passages, in the order of the corpus.
        cell: the size that is searched at.
        coders: what makes codes of vectors of this size, by name.
        depth: passages to rank; all of them, if there are fewer.
        tie_ranks: as for `starbench.stages.evaluate.search.search`.
        device: where to compute; a GPU where there is one, if not given.

    Raises:
        InputError: vectors that are not finite, or another number of them than of `tie_ranks`.
    """
    device = device or torch_device()
    passages = sum(shard.rows for shard in shards)
    if len(tie_ranks) != passages:
        raise InputError(f"{passages} embeddings for {len(tie_ranks)} passages")
    found: dict[str, list[Ranking]] = {name: [] for name in coders}
    blank = dict.fromkeys(coders, 0)
    for first in range(0, max(1, queries.rows), QUERIES_PER_BLOCK):
        read = queries.block(cell, first, QUERIES_PER_BLOCK)
        vectors_QD = as_float(read, device, queries, cell.layers)
        searches = {
            name: CodeSearch(coder.queries(vectors_QD), depth, tie_ranks)
            for name, coder in coders.items()
        }
        for name, count in _add_all(searches, coders, shards, cell, device).items():
            blank[name] = count
            found[name].append(searches[name].ranking())
    return CodesFound(
        {name: _one_below_another(parts) for name, parts in found.items()},
        {name: count for name, count in blank.items() if count},
    )


def _add_all(
    searches: Mapping[str, CodeSearch],
    coders: Mapping[str, Coder],
    shards: Sequence[StoredEmbeddings],
    cell: Size,
    device: torch.device,
) -> dict[str, int]:
    """Add all passages to each search; return how many of its codes hold no information."""
    blank = dict.fromkeys(searches, 0)
    most = block_rows(max(search.queries for search in searches.values()), device)
    for start, block, shard in blocks(shards, cell, most):
        passage_BD = as_float(block, device, shard, cell.layers)
        for name, search in searches.items():
            codes_BD = coders[name].passages(passage_BD)
            search.add(codes_BD, start)
            blank[name] += coders[name].blank(codes_BD)
    return blank


def block_rows(queries: int, device: torch.device) -> int:
    """Return how many passages to compare with so many queries at a time."""
    return SCORES_PER_BLOCK.get(device.type, SCORES_PER_BLOCK["cuda"]) // max(1, queries)


class CodeSearch:
    """A search of passages' codes for a block of queries.

    Args:
        asked: the queries.
        depth: passages to rank; all of them, if there are fewer.
        tie_ranks: place of each passage among passages of equal scores (passages,).
    """

    def __init__(self, asked: QueryCodes, depth: int, tie_ranks: np.ndarray) -> None:
        device, whole = asked.codes.device, asked.codes.dtype == torch.int8
        self._asked, self.queries = asked, len(asked.codes)
        self._ranks = torch.from_numpy(np.ascontiguousarray(tie_ranks, dtype=np.int64)).to(device)
        self._row_of_rank = np.empty(len(tie_ranks), dtype=np.int64)
        self._row_of_rank[tie_ranks] = np.arange(len(tie_ranks))
        self._best = Best(len(asked.codes), min(depth, len(tie_ranks)), device, whole)

    def add(self, codes_BD: Tensor, start: int) -> None:
        """Take the codes of further passages into account; `start` is the first one's row."""
        ranks_B = self._ranks[start : start + len(codes_BD)]
        self._best.add(products(self._asked.codes, codes_BD), ranks_B)

    def ranking(self) -> Ranking:
        """Return the best of the passages so far."""
        kept = self._best.candidates(self._row_of_rank)
        of_query = self._asked.factors, self._asked.offsets
        factors, offsets = (part.cpu().numpy()[:, None] for part in of_query)
        return Ranking(kept.rows, (offsets + factors * kept.scores).astype(np.float32))


def _one_below_another(parts: Sequence[Ranking]) -> Ranking:
    return Ranking(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def products(first_QD: Tensor, second_BD: Tensor) -> Tensor:
    """Return all dot products (Q, B) of codes: int32 of int8, exact; float32 of float32."""
    if first_QD.dtype != torch.int8:
        return first_QD @ second_BD.T
    if first_QD.device.type == "cpu" and _int_mm_is_exact(*first_QD.shape, len(second_BD)):
        return torch._int_mm(first_QD, second_BD.T)
    kind = sums_in(first_QD.shape[1])
    return (first_QD.to(kind) @ second_BD.to(kind).T).to(torch.int32)


def sums_in(dims: int) -> torch.dtype:
    """Return the floating-point type in which products of codes are summed up exactly."""
    fits = LARGEST_CODE**2 * dims < WHOLE_IN_FLOAT32
    return torch.float32 if fits else torch.float64


@cache
def _int_mm_is_exact(queries: int, dims: int, passages: int) -> bool:
    """Return whether PyTorch's product of int8 matrices of a shape is right on this processor.

    On x86 without VNNI it is not: sums of two products are cut off at 16 bits
    (vpmaddubsw saturates), which codes of the largest size show.
    """
    draw = np.random.default_rng(0)
    first = np.full((queries, dims), LARGEST_CODE, dtype=np.int8)
    signs = draw.choice(np.array([-1, 1], dtype=np.int8), (min(passages, 64), dims))
    second = np.resize(np.concatenate([signs, np.ones_like(signs[:1])]), (passages, dims))
    found = torch._int_mm(torch.from_numpy(first), torch.from_numpy(second * LARGEST_CODE).T)
    expected = second.sum(axis=1, dtype=np.int64) * LARGEST_CODE**2
    return bool((found.numpy() == expected).all())
