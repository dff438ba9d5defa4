"""A guide: a model that is not trained and says which candidates of a batch are no negatives.

GISTEmbed (Solatorio 2024, arXiv 2402.16829).
"""

# Q = queries, P = candidates, D = dimensions of the guide

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from torch import Tensor

from starbench.encoders.families import drop_pooler
from starbench.encoders.prompts import prompt_tokens
from starbench.errors import InputError
from starbench.stages.finetune.one_pass import PROMPT_LENGTH, depth_of, embed_columns, unwrapped

ROUNDING = 1e-6
"""A candidate as similar as the positive, such as the same text once more, is a negative: cosines
of equal texts differ by this much."""


class Guide:
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
        self.encoder = encoder.eval().requires_grad_(False)
        drop_pooler(encoder[0].auto_model)
        self.margin, self.margin_strategy = margin, margin_strategy
        self.contrast_anchors, self.contrast_positives = contrast_anchors, contrast_positives
        self.prompts = prompts
        self._same_tokens: bool | None = None

    @property
    def blocks(self) -> int:
        """How many candidates a query of the batch adds besides its passages."""
        return int(self.contrast_anchors) + int(self.contrast_positives)

    def embed(
        self,
        model: SentenceTransformer,
        columns: Sequence[dict[str, Any]],
        mini_batch_size: int | None = None,
    ) -> list[Tensor]:
        """Return the guide's embeddings (rows, D) of the texts of a step, column by column.

        Where the guide reads the same tokens as the model, it is given those; otherwise the texts
        are decoded without the model's prompt and tokenized anew, as sentence-transformers does.

        Args:
            model: the model that is trained, whose tokens the columns have.
            columns: one dict of ``input_ids`` and ``attention_mask``, both (rows, T), per column.
            mini_batch_size: texts embedded at a time; None for all of about one length.
        """
        device = columns[0]["input_ids"].device
        self.encoder.to(device)
        with torch.no_grad():
            if not self._reads(model, columns):
                columns = [
                    self._tokenized(_texts(unwrapped(model).tokenizer, column), number, device)
                    for number, column in enumerate(columns)
                ]
            depth = depth_of(self.encoder)
            return embed_columns(self.encoder, columns, [depth], mini_batch_size)[depth]

    def too_similar(self, guide_QP: Tensor, own_Q1: Tensor) -> Tensor:
        """Return (Q, P): where the guide's cosine is above its threshold.

        Args:
            guide_QP: the guide's cosines.
            own_Q1: its cosines of the queries and their own positives, (Q, 1).
        """
        scale_Q1 = own_Q1.abs() if self.margin_strategy == "relative" else 1.0
        return guide_QP > own_Q1 - self.margin * scale_Q1 + ROUNDING

    def _reads(self, model: SentenceTransformer, columns: Sequence[dict[str, Any]]) -> bool:
        """Whether the guide can be given the model's tokens."""
        if self._same_tokens is None:
            own = unwrapped(model).tokenizer.get_vocab()
            self._same_tokens = own == self.encoder.tokenizer.get_vocab()
        if not self._same_tokens or any(self.prompts):
            return False
        longest = max(column["input_ids"].shape[1] for column in columns)
        most = self.encoder.max_seq_length
        prompted = any(PROMPT_LENGTH in column for column in columns)
        return not prompted and (most is None or longest <= most)

    def _tokenized(self, texts: list[str], column: int, device: torch.device) -> dict[str, Tensor]:
        prompt = self.prompts[min(column, 1)]
        features: dict[str, Any] = self.encoder.tokenizer(
            [prompt + text for text in texts],
            truncation=True,
            max_length=self.encoder.max_seq_length,
            padding=True,
            return_tensors="pt",
        )
        kept = {name: features[name].to(device) for name in ("input_ids", "attention_mask")}
        if prompt:
            length = prompt_tokens(self.encoder.tokenizer, prompt)
            kept[PROMPT_LENGTH] = torch.full((len(texts),), length, device=device)
        return kept


def cosines(query_QD: Tensor, passage_PD: Tensor) -> Tensor:
    """Return the cosines (Q, P) of rows with rows."""
    return F.normalize(query_QD, dim=-1) @ F.normalize(passage_PD, dim=-1).T


def _texts(tokenizer: Any, column: dict[str, Any]) -> list[str]:
    """Return the texts of a column without special tokens and the model's prompt."""
    ids, mask = column["input_ids"].cpu(), column["attention_mask"].cpu().bool()
    prompts = torch.as_tensor(column.get(PROMPT_LENGTH, 0)).reshape(-1).expand(len(ids)).tolist()
    rows = [
        row[kept][prompt:].tolist() for row, kept, prompt in zip(ids, mask, prompts, strict=True)
    ]
    texts: list[str] = tokenizer.batch_decode(rows, skip_special_tokens=True)
    return texts
