"""Exact search: the best passages of every query at every size, in one pass over each layer."""

# Q = queries of a block, B = passages of a block, k = depth

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from starbench.config.amounts import QUERIES_PER_BLOCK
from starbench.errors import InputError
from starbench.machine.gpus import torch_device
from starbench.sizes import Size, layers_of
from starbench.store.embeddings import StoredEmbeddings

Similarity = Literal["cosine", "dot"]

FIRST_BLOCK = 4096
"""Passages of the first block: with few candidates so far, nearly all of them would be kept."""
SCORES_PER_BLOCK = {"cpu": 2**21, "cuda": 2**24}
"""Scores of a block of passages, at most. A processor is fastest where they stay near its caches:
of 36 cells of 200,000 passages, 2**24 took 1.8 times as long, and four times the memory."""

_LOWEST = torch.iinfo(torch.int64).min
_LOW_BITS = 2**32 - 1


@dataclass(frozen=True)
class Ranking:
    """The best passages of every query at one size: rows of the corpus, best first.

    Both arrays have the shape (queries, min(depth, passages)); scores are float32.
    """

    rows: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Candidates:
    """What may be in a ranking: the best passages of one part of a collection, best first.

    Cosines still lack the norms of the queries: they are multiplied in once all parts are
    together, for rounding may make scores equal that are not.
    """

    rows: np.ndarray
    """Rows of the part, (queries, min(depth, its passages))."""
    scores: np.ndarray
    """Their scores, float32, of the same shape."""
    factors: np.ndarray
    """What each query's scores are multiplied by, (queries,)."""

    def ranking(self) -> Ranking:
        """Return the ranking of these passages."""
        return Ranking(self.rows, self.scores * self.factors[:, None])


def search(
    queries: StoredEmbeddings,
    shards: Sequence[StoredEmbeddings],
    cells: Sequence[Size],
    depth: int,
    similarity: Similarity,
    tie_ranks: np.ndarray,
    device: torch.device | None = None,
) -> dict[Size, Ranking]:
    """Return the ranking of every query at every cell.

    Vectors are read as they are stored and multiplied and summed in float32. Of one layer every
    dimension's scores are those of the next smaller one plus the product of the further columns.

    Args:
        queries: embeddings of the queries.
        shards: embeddings of the passages, in the order of the corpus.
        cells: sizes to search at.
        depth: passages to rank; all of them, if there are fewer.
        similarity: ``cosine`` or ``dot``. A vector of zeros has the cosine 0 with any other.
        tie_ranks: for each passage of the corpus its place among passages of equal scores
            (passages,): a permutation, the lowest first.
        device: where to compute; a GPU where there is one, if not given.

    Raises:
        InputError: vectors that are not finite.
    """
    found = candidates(queries, shards, cells, depth, similarity, tie_ranks, device)
    return {cell: best.ranking() for cell, best in found.items()}


def candidates(
    queries: StoredEmbeddings,
    shards: Sequence[StoredEmbeddings],
    cells: Sequence[Size],
    depth: int,
    similarity: Similarity,
    tie_ranks: np.ndarray,
    device: torch.device | None = None,
) -> dict[Size, Candidates]:
    """Return what `search` ranks, for a part of a collection; see there for the arguments."""
    passages = sum(shard.rows for shard in shards)
    if len(tie_ranks) != passages:
        raise InputError(f"{passages} embeddings for {len(tie_ranks)} passages")
    if passages > _LOW_BITS:
        raise InputError(f"{passages} passages are more than {_LOW_BITS}")
    device = device or torch_device()
    ranks = torch.from_numpy(np.ascontiguousarray(tie_ranks, dtype=np.int64))
    row_of_rank = np.empty(passages, dtype=np.int64)
    row_of_rank[tie_ranks] = np.arange(passages)
    found: dict[Size, list[Candidates]] = {cell: [] for cell in cells}
    for first in range(0, max(1, queries.rows), QUERIES_PER_BLOCK):
        rows = slice(first, min(first + QUERIES_PER_BLOCK, queries.rows))
        for layer in layers_of(cells):
            dims = sorted(cell.dim for cell in cells if cell.layers == layer)
            wanted = _Wanted(layer, dims, depth, similarity)
            best = _search_layer(queries, rows, shards, wanted, ranks, device)
            for dim, kept in zip(dims, best, strict=True):
                found[Size(layer, dim)].append(kept.candidates(row_of_rank))
    return {cell: _one_below_another(blocks) for cell, blocks in found.items()}


def merged(
    parts: Sequence[Candidates], first_rows: Sequence[int], depth: int, tie_ranks: np.ndarray
) -> Ranking:
    """Return the ranking that a search of all parts together would give.

    Args:
        parts: what the search of each part found for the same queries.
        first_rows: the row of the corpus that each part starts with.
        depth: passages to rank; all that there are, if there are fewer.
        tie_ranks: as for `search`, of the whole corpus.
    """
    rows = np.concatenate(
        [part.rows + first for part, first in zip(parts, first_rows, strict=True)], axis=1
    )
    scores = np.concatenate([part.scores for part in parts], axis=1)
    keys = _keys(torch.from_numpy(scores), torch.from_numpy(tie_ranks[rows]))
    best = keys.topk(min(depth, rows.shape[1]), dim=1).indices.numpy()
    rows, scores = (np.take_along_axis(part, best, axis=1) for part in (rows, scores))
    return Candidates(rows, scores, parts[0].factors).ranking()


def _one_below_another(blocks: Sequence[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
        np.concatenate([block.factors for block in blocks]),
    )


@dataclass(frozen=True)
class _Wanted:
    """What is searched in one layer: dims ascending."""

    layer: int
    dims: list[int]
    depth: int
    similarity: Similarity


def _search_layer(
    queries: StoredEmbeddings,
    rows: slice,
    shards: Sequence[StoredEmbeddings],
    wanted: _Wanted,
    tie_ranks: Tensor,
    device: torch.device,
) -> list[Best]:
    dims = wanted.dims
    widest = Size(wanted.layer, dims[-1])
    asked_QD = queries.block(widest, rows.start, rows.stop - rows.start)
    query_QD = as_float(asked_QD, device, queries, wanted.layer)
    best = [Best(len(query_QD), min(wanted.depth, len(tie_ranks)), device) for _ in dims]
    most = SCORES_PER_BLOCK.get(device.type, SCORES_PER_BLOCK["cuda"]) // max(1, len(query_QD))
    for start, block, shard in blocks(shards, widest, most):
        passage_BD = as_float(block, device, shard, wanted.layer)
        ranks_B = tie_ranks[start : start + len(block)].to(device)
        scores_QB = torch.zeros(len(query_QD), len(block), device=device)
        squares_B = torch.zeros(len(block), device=device)
        for number, (kept, dim) in enumerate(zip(best, dims, strict=True)):
            columns = slice(dims[number - 1] if number else 0, dim)
            further_BD = passage_BD[:, columns]
            scores_QB.addmm_(query_QD[:, columns], further_BD.T)
            if wanted.similarity == "dot":
                kept.add(scores_QB, ranks_B)
            else:
                squares_B += further_BD.square().sum(dim=1)
                kept.add(scores_QB * _inverse_norms(squares_B), ranks_B)
    if wanted.similarity == "cosine":
        for kept, dim in zip(best, dims, strict=True):
            kept.factor_Q = _inverse_norms(query_QD[:, :dim].square().sum(dim=1))
    return best


class Best:
    """The best passages so far of every query at one size, as sortable keys.

    A key is a 64-bit whole number: the score's bits in the upper half, in an order-preserving
    form, the passage's place among equal scores in the lower half. Keys differ, so that what is
    kept does not depend on how the passages are cut into blocks and shards.

    Args:
        queries: number of queries.
        depth: passages to keep of each.
        device: where the keys are.
        whole: whether scores are whole numbers (int32); float32 if not.
    """

    def __init__(self, queries: int, depth: int, device: torch.device, whole: bool = False) -> None:
        self._keys_Qk = torch.full((queries, depth), _LOWEST, device=device)
        self._whole = whole
        self._seen = 0
        self.factor_Q = torch.ones(queries, device=device)
        """What the scores of each query are multiplied by in the end; above or equal to 0."""

    def add(self, scores_QB: Tensor, ranks_B: Tensor) -> None:
        """Take the scores of another block of passages into account."""
        depth = self._keys_Qk.shape[1]
        full = self._seen >= depth
        self._seen += len(ranks_B)
        if not full:
            more = _keys(scores_QB, ranks_B)
        else:
            worst_Q = _scores(self._keys_Qk[:, -1], self._whole)
            more = _sparse_keys(scores_QB, ranks_B, worst_Q)
        if more.shape[1]:
            both = torch.cat([self._keys_Qk, more], dim=1)
            self._keys_Qk = both.topk(depth, dim=1).values

    def candidates(self, row_of_rank: np.ndarray) -> Candidates:
        """Return the passages that are left."""
        ranks = (_LOW_BITS - (self._keys_Qk & _LOW_BITS)).cpu().numpy()
        scores = _scores(self._keys_Qk, self._whole).cpu().numpy()
        return Candidates(row_of_rank[ranks], scores, self.factor_Q.cpu().numpy())


def _sparse_keys(scores_QB: Tensor, ranks_B: Tensor, worst_Q: Tensor) -> Tensor:
    """Return the keys of the scores that are not below `worst_Q`, filled up to a rectangle."""
    query_H, passage_H = _places(scores_QB >= worst_Q[:, None])
    counts_Q = torch.bincount(query_H, minlength=len(worst_Q))
    width = int(counts_Q.max()) if len(query_H) else 0
    keys = torch.full((len(worst_Q), width), _LOWEST, device=scores_QB.device)
    if width:
        first_Q = counts_Q.cumsum(0) - counts_Q
        place_H = torch.arange(len(query_H), device=keys.device) - first_Q[query_H]
        keys[query_H, place_H] = _keys(scores_QB[query_H, passage_H], ranks_B[passage_H])
    return keys


def _places(mask_QB: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column of every True: few of them, so that eight are looked at together."""
    if mask_QB.numel() % 8:
        query_H, passage_H = mask_QB.nonzero(as_tuple=True)
        return query_H, passage_H
    eights = mask_QB.flatten().view(torch.int64).nonzero().squeeze(1)
    which, within = mask_QB.view(-1, 8)[eights].nonzero(as_tuple=True)
    place_H = 8 * eights[which] + within
    return place_H // mask_QB.shape[1], place_H % mask_QB.shape[1]


def _keys(scores: Tensor, ranks: Tensor) -> Tensor:
    """Return keys that sort by score, then by rank, the lower rank being the greater key."""
    if not scores.is_floating_point():
        return (scores.to(torch.int64) << 32) | (_LOW_BITS - ranks)
    # Adding zero makes a zero of a negative one: the two are equal scores.
    bits = (scores + 0.0).contiguous().view(torch.int32)
    ordered = torch.where(bits >= 0, bits, bits ^ 0x7FFFFFFF).to(torch.int64)
    return (ordered << 32) | (_LOW_BITS - ranks)


def _scores(keys: Tensor, whole: bool = False) -> Tensor:
    ordered = (keys >> 32).to(torch.int32)
    if whole:
        return ordered
    bits = torch.where(ordered >= 0, ordered, ordered ^ 0x7FFFFFFF)
    return bits.contiguous().view(torch.float32)


def blocks(
    shards: Sequence[StoredEmbeddings], size: Size, most: int
) -> Iterator[tuple[int, np.ndarray, StoredEmbeddings]]:
    """Yield (first row in the corpus, vectors, their shard); blocks double in rows up to `most`."""
    start, rows = 0, min(FIRST_BLOCK, most)
    for shard in shards:
        first = 0
        while first < shard.rows:
            block = shard.block(size, first, rows)
            yield start, block, shard
            first, start = first + len(block), start + len(block)
            rows = min(2 * rows, most)


def as_float(
    array: np.ndarray, device: torch.device, stored: StoredEmbeddings, layer: int
) -> Tensor:
    """Return stored vectors on a device in float32; InputError for values that are not finite."""
    vectors = torch.from_numpy(array).to(device, torch.float32)
    if not torch.isfinite(vectors).all():
        raise stored.not_finite(layer)
    return vectors


def _inverse_norms(squares: Tensor) -> Tensor:
    return torch.where(squares > 0, 1 / squares.sqrt(), 0.0)
