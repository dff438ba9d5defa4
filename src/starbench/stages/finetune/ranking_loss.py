"""The base loss of both tracks: a query's own positive against every other text of the batch."""

# Q = queries, P = candidates: the passages of all processes, K = right answers of a query

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbench.machine.processes import processes, rank
from starbench.stages.finetune.guide import Guide, cosines
from starbench.training.gathering import gathered

MASKED = -1e30
"""Score of what is not a negative; finite, so that a KL over scores stays a number."""

NO_TEXT = -1
"""Key of what is no passage; no text has it, nor is it among the keys of right answers."""


class RankingLoss(nn.Module):
    """Cross-entropy of scores / temperature (multiple negatives ranking, InfoNCE).

    With cosine and a temperature of 0.05 on triplets this is sentence-transformers'
    MultipleNegativesRankingLoss as the published STS code uses it; with dot and 1 on queries with
    hard negatives the loss of the published retrieval code (ielab/Starbucks:
    retrieval/modeling.py). The candidates of a query are the passages of all queries; under
    several processes those of all of them.

    Args:
        similarity: ``cosine`` or ``dot``.
        temperature: what the similarities are divided by.
        mask_right_answers: whether other right answers of a query are none of its negatives.
        bf16_scores: whether similarities are bfloat16, as a matrix product under autocast gives
            them (texttron/tevatron: encoder.py), which the published retrieval baselines use.
        guide: a model that says which candidates are no negatives (GISTEmbed); `LayeredLoss` embeds
            the texts of a step with it. There are then more candidates, see `Guide`.
    """

    def __init__(
        self,
        similarity: Literal["cosine", "dot"] = "cosine",
        temperature: float = 0.05,
        mask_right_answers: bool = False,
        bf16_scores: bool = False,
        guide: Guide | None = None,
    ) -> None:
        super().__init__()
        self.similarity, self.temperature = similarity, temperature
        self.mask_right_answers, self.bf16_scores = mask_right_answers, bf16_scores
        self.guide = guide

    def scores(
        self,
        columns: Sequence[Tensor],
        labels: Tensor | None = None,
        left_out_QP: Tensor | None = None,
    ) -> Tensor:
        """Return the scores (Q, P) of every query with every candidate, over the temperature.

        Args:
            columns: embeddings of the queries (Q, dim), then of their passages: first one
                positive for each query, then the negatives.
            labels: keys (Q, passages of a query + K) of the query's own passages, then of all its
                right answers (0: none): where right answers are masked, a passage that is right
                for a query is not a negative of it. Otherwise every other passage is one.
            left_out_QP: what `left_out` gives, where the loss has a guide.

        Returns:
            The scores; with a guide, P are its candidates (`Guide`).
        """
        assert (self.guide is None) == (left_out_QP is None)
        scores_QP = self._among_candidates(columns, self._over_temperature)
        if left_out_QP is not None:
            scores_QP = scores_QP.masked_fill(left_out_QP, MASKED)
        if labels is None or not self.mask_right_answers:
            return scores_QP
        own = sum(len(column) for column in columns[1:]) // len(columns[0])
        return scores_QP.masked_fill(self._right_answers(labels, own), MASKED)

    def left_out(self, guided: Sequence[Tensor]) -> Tensor:
        """Return (Q, P): which candidates are no negatives by the guide.

        Args:
            guided: the guide's embeddings of the queries and of their passages, as in `scores`.
        """
        assert self.guide is not None
        guide_QP = self._among_candidates(guided, cosines)
        own_Q1 = guide_QP.gather(1, _targets(guide_QP)[:, None])
        left_out_QP = self.guide.too_similar(guide_QP, own_Q1) | self._themselves(guide_QP)
        return _but_own(left_out_QP)

    def _over_temperature(self, query_QD: Tensor, passage_PD: Tensor) -> Tensor:
        if self.similarity == "cosine":
            query_QD, passage_PD = F.normalize(query_QD, dim=-1), F.normalize(passage_PD, dim=-1)
        if self.bf16_scores:
            half_QP = query_QD.bfloat16() @ passage_PD.bfloat16().T
            return (half_QP / self.temperature).float()
        return query_QD @ passage_PD.T / self.temperature

    def _among_candidates(
        self, columns: Sequence[Tensor], similar: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Return (Q, P): for each process its passages, then what a guide has them contrasted with.

        Those are the queries, against a query, and the positives, against the query's own positive.
        """
        guide = self.guide
        candidates = [*columns[1:], columns[0]] if guide and guide.contrast_anchors else columns[1:]
        scores_QP = similar(columns[0], gathered(torch.cat(list(candidates))))
        if guide is None or not guide.contrast_positives:
            return scores_QP
        positive_QD = columns[1][: len(columns[0])]
        between_QQ = similar(positive_QD, gathered(positive_QD))
        by_process = [rows.unflatten(1, (processes(), -1)) for rows in (scores_QP, between_QQ)]
        return torch.cat(by_process, dim=2).flatten(1)

    def _themselves(self, scores_QP: Tensor) -> Tensor:
        """Return (Q, P): where a query or a positive would be contrasted with itself."""
        themselves_QP = torch.zeros_like(scores_QP, dtype=torch.bool)
        queries, blocks = len(scores_QP), self.guide.blocks if self.guide else 0
        end = (rank() + 1) * scores_QP.shape[1] // processes()
        for block in range(1, blocks + 1):
            themselves_QP[:, end - block * queries : end - (block - 1) * queries].fill_diagonal_(
                True
            )
        return themselves_QP

    def from_scores(self, scores_QP: Tensor, among: str = "batch") -> Tensor:
        """Return the loss of what `scores` gives: the mean over the queries, a scalar.

        Args:
            scores_QP: the scores.
            among: the candidates: all (`batch`), all queries' `positives`, or a query's `own`
                passages.
        """
        targets_Q = _targets(scores_QP)
        if among == "positives":
            return F.cross_entropy(_positives(scores_QP), _of_this_process(scores_QP))
        if among == "own":
            # A process's passages are its positives, then every query's first negative, and so on.
            blocks = self.guide.blocks if self.guide else 0
            count = scores_QP.shape[1] // processes() // len(scores_QP) - blocks
            offsets = len(scores_QP) * torch.arange(count, device=targets_Q.device)
            own_QG = scores_QP.gather(1, targets_Q[:, None] + offsets)
            return F.cross_entropy(own_QG, torch.zeros_like(targets_Q))
        return F.cross_entropy(scores_QP, targets_Q)

    def compute_loss_from_embeddings(
        self,
        columns: Sequence[Tensor],
        labels: Tensor | None = None,
        left_out_QP: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of embeddings, as the losses of sentence-transformers do."""
        return self.from_scores(self.scores(columns, labels, left_out_QP))

    def _right_answers(self, labels: Tensor, own: int) -> Tensor:
        """Return (Q, P): where a candidate is right for a query and not its own positive."""
        keys_G = labels[:, :own].T.reshape(-1)
        if self.guide is not None:
            # No query is a right answer; positives are once more, against a query's own positive.
            if self.guide.contrast_anchors:
                keys_G = torch.cat([keys_G, torch.full_like(labels[:, 0], NO_TEXT)])
            if self.guide.contrast_positives:
                keys_G = torch.cat([keys_G, labels[:, 0]])
        keys_P = gathered(keys_G)
        return _but_own((keys_P[None, :, None] == labels[:, None, own:]).any(dim=-1))


def _but_own(left_out_QP: Tensor) -> Tensor:
    """Return which candidates are left out without a query's own positive, which never is."""
    targets = _targets(left_out_QP)
    left_out_QP[torch.arange(len(targets), device=targets.device), targets] = False
    return left_out_QP


def _targets(scores_QP: Tensor) -> Tensor:
    """Return the column of each query's own positive: they come first among a process's own."""
    queries = torch.arange(len(scores_QP), device=scores_QP.device)
    per_process = scores_QP.shape[1] // processes()
    return queries + rank() * per_process


def _of_this_process(scores_QP: Tensor) -> Tensor:
    """Return each query's number among the queries of all processes."""
    queries = torch.arange(len(scores_QP), device=scores_QP.device)
    return queries + rank() * len(scores_QP)


def _positives(scores_QP: Tensor) -> Tensor:
    """Return the scores (Q, queries of all processes) of the positives alone."""
    by_process = scores_QP.unflatten(1, (processes(), -1))
    return by_process[:, :, : len(scores_QP)].flatten(1)
