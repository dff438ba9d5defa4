"""Adaptive retrieval: a small size shortlists passages, larger ones rank the shortlist again."""

# Q = queries, K = passages of the shortlist, D = dimensions

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

from starbench.config.bits import BITS, vector_bytes
from starbench.config.search import Adaptive
from starbench.machine.files import written_whole
from starbench.sizes import Size
from starbench.stages.evaluate.coded_search import sums_in
from starbench.stages.evaluate.coding import Coder
from starbench.stages.evaluate.search import Ranking, Similarity
from starbench.store.embeddings import StoredEmbeddings, rows_of
from starbench.store.scores import ADAPTIVE_COLUMNS

QUERIES_PER_BLOCK = 64

CoderOf = Callable[[Size, str], Coder | None]


@dataclass(frozen=True)
class Cascade:
    """Sizes that rank one after another: `kept[i]` passages go on from `sizes[i]` to the next."""

    name: str
    sizes: tuple[Size, ...]
    kept: tuple[int, ...]
    bits: tuple[str, ...] = ()
    """The representation that each size ranks with; what is stored if there are none."""

    def multiply_adds(self, passages: int) -> int:
        """Return the multiply-adds of one query's scores: as many numbers of vectors are read."""
        return sum(
            count * size.dim for count, size in zip(self._scored(passages), self.sizes, strict=True)
        )

    def bytes_read(self, passages: int, stored: str) -> int:
        """Return the bytes of vectors that are read for one query; `stored` is what is stored."""
        bits = self.bits or (stored,) * len(self.sizes)
        return sum(
            count * vector_bytes(size.dim, BITS[kept])
            for count, size, kept in zip(self._scored(passages), self.sizes, bits, strict=True)
        )

    def _scored(self, passages: int) -> list[int]:
        return [passages, *(min(count, passages) for count in self.kept)]


def cascades(sizes: Sequence[Size], options: Adaptive, depth: int) -> list[Cascade]:
    """Return what is tried: each smaller size with the full one, and the funnel of all sizes.

    No more passages go on from a size than the `depth` that the first one's ranking has.

    Source: Matryoshka Representation Learning (arXiv 2205.13147), section 4.3, where all sizes
    are prefixes of one vector; here a smaller size is another layer's vector.
    """
    full = sizes[-1]
    tried = [
        Cascade(f"{size} -> {full}", (size, full), (min(options.shortlist, depth),))
        for size in sizes[:-1]
    ]
    if len(sizes) > 2:
        counts = [
            min(depth, options.funnel[min(step, len(options.funnel) - 1)])
            for step in range(len(sizes) - 1)
        ]
        tried.append(Cascade("funnel", tuple(sizes), tuple(counts)))
    return tried


class Reranker:
    """Ranks shortlists again with the vectors of another size.

    Args:
        queries: embeddings of the queries.
        shards: embeddings of the passages, in the order of the corpus.
        similarity: ``cosine`` or ``dot``.
        tie_ranks: place of each passage among passages of equal scores (passages,).
        coder_of: (size, representation) -> what makes its codes; None of what is stored.
    """

    def __init__(
        self,
        queries: StoredEmbeddings,
        shards: Sequence[StoredEmbeddings],
        similarity: Similarity,
        tie_ranks: np.ndarray,
        coder_of: CoderOf = lambda size, bits: None,
    ) -> None:
        self.queries, self.shards = queries, shards
        self.similarity, self.tie_ranks = similarity, tie_ranks
        self._coder_of = coder_of

    def cascade(self, steps: Cascade, first: Ranking) -> Ranking:
        """Return the ranking that a cascade gives.

        The last size's ranking of what reached it comes first; what was left on the way follows
        in the order in which it was left, so that nothing that the first size found is lost.

        Args:
            steps: the sizes and how many passages go on.
            first: the exact ranking of the first size.
        """
        ranking = first
        for step, kept in enumerate(steps.kept, start=1):
            size, bits = steps.sizes[step], steps.bits[step] if steps.bits else ""
            count = min(kept, ranking.rows.shape[1])
            again = self._ranked_again(ranking.rows[:, :count], size, bits)
            ranking = Ranking(
                np.concatenate([again.rows, ranking.rows[:, count:]], axis=1),
                np.concatenate([again.scores, ranking.scores[:, count:]], axis=1),
            )
        return ranking

    def _ranked_again(self, rows_QK: np.ndarray, size: Size, bits: str) -> Ranking:
        coder = self._coder_of(size, bits)
        scores_of = self._scores if coder is None else partial(_coded_scores, coder)
        query_QD = self.queries.at(size)
        blocks = [
            scores_of(
                query_QD[first : first + QUERIES_PER_BLOCK],
                self._gathered(size, rows_QK[first : first + QUERIES_PER_BLOCK]),
            )
            for first in range(0, len(rows_QK), QUERIES_PER_BLOCK)
        ]
        scores_QK = np.concatenate(blocks)
        order_QK = np.lexsort((self.tie_ranks[rows_QK], -scores_QK), axis=1)
        return Ranking(
            np.take_along_axis(rows_QK, order_QK, axis=1),
            np.take_along_axis(scores_QK, order_QK, axis=1).astype(np.float32),
        )

    def _gathered(self, size: Size, rows_QK: np.ndarray) -> np.ndarray:
        """Return the vectors (Q, K, D) of rows of the corpus."""
        found = rows_of(self.shards, size, rows_QK.ravel())
        return found.reshape(*rows_QK.shape, -1)

    def _scores(self, query_QD: np.ndarray, passage_QKD: np.ndarray) -> np.ndarray:
        query_QD = np.asarray(query_QD, dtype=np.float32)
        scores_QK = np.einsum("qd,qkd->qk", query_QD, passage_QKD, optimize=True)
        if self.similarity == "cosine":
            norms_QK = np.linalg.norm(query_QD, axis=1)[:, None] * np.linalg.norm(
                passage_QKD, axis=2
            )
            scores_QK = np.divide(
                scores_QK, norms_QK, out=np.zeros_like(scores_QK), where=norms_QK > 0
            )
        return scores_QK


def _coded_scores(coder: Coder, query_QD: np.ndarray, passage_QKD: np.ndarray) -> np.ndarray:
    """Return the scores (Q, K) of each query's passages by their codes."""
    asked = coder.queries(torch.from_numpy(np.array(query_QD, dtype=np.float32)))
    vectors = torch.from_numpy(passage_QKD).reshape(-1, passage_QKD.shape[2])
    codes_QKD = coder.passages(vectors).reshape(passage_QKD.shape)
    kind = sums_in(passage_QKD.shape[2]) if coder.whole else torch.float32
    products_QK = torch.einsum("qd,qkd->qk", asked.codes.to(kind), codes_QKD.to(kind))
    # In float32 an offset could make equal scores of products that are not.
    factors_Q, offsets_Q = asked.factors.double(), asked.offsets.double()
    scores: np.ndarray = (offsets_Q[:, None] + factors_Q[:, None] * products_QK).numpy()
    return scores


def write_adaptive(
    path: Path,
    named: Mapping[str, object],
    seeds: Sequence[int],
    measured: Sequence[tuple[Cascade, Mapping[str, float]]],
    exact: Mapping[str, float],
    passages: int,
    stored: str,
) -> None:
    """Write what each cascade found and cost beside exact search at its last size, as CSV.

    Args:
        path: the file.
        named: system and dataset.
        seeds: what the numbers are those of.
        measured: {measure: mean over the queries} of each cascade.
        exact: the same of exact search at the full size.
        passages: how many passages are searched.
        stored: the representation of the stored vectors, as `float32`.
    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ADAPTIVE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for seed, (steps, means) in product(seeds, measured):
            costs, all_costs = steps.multiply_adds(passages), passages * steps.sizes[-1].dim
            read = steps.bytes_read(passages, stored)
            all_read = passages * vector_bytes(steps.sizes[-1].dim, BITS[stored])
            for metric, value in means.items():
                writer.writerow(
                    {
                        **named,
                        "seed": seed,
                        "passages": passages,
                        "cascade": steps.name,
                        "metric": metric,
                        "value": repr(value),
                        "exact": repr(exact[metric]),
                        "multiply_adds": costs,
                        "exact_multiply_adds": all_costs,
                        "bytes_read": read,
                        "exact_bytes_read": all_read,
                    }
                )
