"""Timing exact search of one query: all scores of a collection in memory, and the best of them."""

# N = passages, E = widest dims, D = dims

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from starbench.stages.measure.timing import Spread, Timed, alternated, spread


def found(passages_ND: Tensor, query_D: Tensor, depth: int) -> Tensor:
    """Return the rows of the best passages of a query, best first, on the processor (depth,)."""
    scores_N = passages_ND @ query_D
    return scores_N.topk(min(depth, len(scores_N))).indices.cpu()


def search_seconds(
    passages_NE: np.ndarray,
    queries_QE: np.ndarray,
    dims: Sequence[int],
    depth: int,
    rounds: int,
    device: torch.device,
) -> dict[int, Spread]:
    """Return the seconds of exact search of one query at each number of dims.

    Vectors are float32 and of length 1 beforehand, whatever the run compares them by: a product
    takes the same time. Queries come one by one.

    Args:
        passages_NE: vectors of the passages at the widest dims.
        queries_QE: those of some queries.
        dims: how many of the first dimensions are searched, each apart.
        depth: passages that are ranked.
        rounds: rounds over all dims that count.
        device: where to search.
    """
    works: dict[int, Sequence[Timed]] = {}
    for dim in dims:
        passages_ND = _prepared(passages_NE, dim, device)
        asked_QD = _prepared(queries_QE, dim, device)
        works[dim] = [partial(found, passages_ND, query_D, depth) for query_D in asked_QD]
    seconds = alternated(works, rounds)
    return {dim: spread(np.median(rows, axis=1)) for dim, rows in seconds.items()}


def _prepared(vectors: np.ndarray, dim: int, device: torch.device) -> Tensor:
    # A copy: stored vectors are mapped to memory and read-only.
    first = torch.from_numpy(np.array(vectors[:, :dim], dtype=np.float32))
    return F.normalize(first.to(device), dim=1)
