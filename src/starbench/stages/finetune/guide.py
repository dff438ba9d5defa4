"""A guide: a model that is not trained and says which candidates of a batch are no negatives.

GISTEmbed (Solatorio 2024, arXiv 2402.16829).
"""

# Q = queries, P = candidates, D = dimensions of the guide

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from torch import Tensor

from starbench.errors import InputError
from starbench.stages.finetune.frozen import FrozenEncoder

ROUNDING = 1e-6
"""A candidate as similar as the positive, such as the same text once more, is a negative: cosines
of equal texts differ by this much."""


class Guide(FrozenEncoder):
    """Leaves out candidates that a guide model finds more similar to a query than its positive.

    The candidates of a query q with the positive p are the passages of the batch. With
    `contrast_anchors` every other query is one too, and with `contrast_positives` every other
    positive p' once more, scored as p with p'. For all of them a cosine of the guide above
    ``threshold`` means that they are no negatives; the threshold is the guide's cosine of q and p
    minus a margin.

    Under several processes the candidates are those of all of them, queries included, so that the
    loss is that of one process with the whole batch.

    Args:
        encoder: the guide, with its own pooling; it embeds at its full size and is not trained.
        margin: what the threshold is lower by.
        margin_strategy: whether the margin is a cosine (`absolute`) or a share of the absolute
            cosine of q and p (`relative`).
        contrast_anchors: whether other queries are candidates.
        contrast_positives: whether positives are contrasted with each other.
        prompts: what the guide has before queries and before passages.
    """

    def __init__(
        self,
        encoder: SentenceTransformer,
        margin: float = 0.0,
        margin_strategy: Literal["absolute", "relative"] = "absolute",
        contrast_anchors: bool = True,
        contrast_positives: bool = True,
        prompts: tuple[str, str] = ("", ""),
    ) -> None:
        if margin_strategy not in ("absolute", "relative"):
            raise InputError(f"margin_strategy is absolute or relative, not '{margin_strategy}'")
        super().__init__(encoder, prompts)
        self.margin, self.margin_strategy = margin, margin_strategy
        self.contrast_anchors, self.contrast_positives = contrast_anchors, contrast_positives

    @property
    def blocks(self) -> int:
        """How many candidates a query of the batch adds besides its passages."""
        return int(self.contrast_anchors) + int(self.contrast_positives)

    def too_similar(self, guide_QP: Tensor, own_Q1: Tensor) -> Tensor:
        """Return (Q, P): where the guide's cosine is above its threshold.

        Args:
            guide_QP: the guide's cosines.
            own_Q1: its cosines of the queries and their own positives, (Q, 1).
        """
        scale_Q1 = own_Q1.abs() if self.margin_strategy == "relative" else 1.0
        return guide_QP > own_Q1 - self.margin * scale_Q1 + ROUNDING


def cosines(query_QD: Tensor, passage_PD: Tensor) -> Tensor:
    """Return the cosines (Q, P) of rows with rows."""
    return F.normalize(query_QD, dim=-1) @ F.normalize(passage_PD, dim=-1).T
