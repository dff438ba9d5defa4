"""A model that is not trained and embeds what another one is trained on."""

# D = dimensions of the model

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from starbench.encoders.families import drop_pooler
from starbench.encoders.prompts import prompt_tokens
from starbench.stages.finetune.one_pass import PROMPT_LENGTH, depth_of, embed_columns, unwrapped


class FrozenEncoder:
    """A model beside the one that is trained; it reads the same texts, at its full size.

    Args:
        encoder: the model, with its own pooling; no gradient reaches it.
        prompts: what it has before queries and before passages.
    """

    def __init__(self, encoder: SentenceTransformer, prompts: tuple[str, str] = ("", "")) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        drop_pooler(encoder[0].auto_model)
        self.prompts = prompts
        self._same_tokens: bool | None = None

    def embed(
        self,
        model: SentenceTransformer,
        columns: Sequence[dict[str, Any]],
        mini_batch_size: int | None = None,
    ) -> list[Tensor]:
        """Return its embeddings (rows, D) of the texts of a step, column by column.

        Where it reads the same tokens as the model, it is given those; otherwise the texts
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

    def _reads(self, model: SentenceTransformer, columns: Sequence[dict[str, Any]]) -> bool:
        """Whether it can be given the model's tokens."""
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


def _texts(tokenizer: Any, column: dict[str, Any]) -> list[str]:
    """Return the texts of a column without special tokens and the model's prompt."""
    ids, mask = column["input_ids"].cpu(), column["attention_mask"].cpu().bool()
    prompts = torch.as_tensor(column.get(PROMPT_LENGTH, 0)).reshape(-1).expand(len(ids)).tolist()
    rows = [
        row[kept][prompt:].tolist() for row, kept, prompt in zip(ids, mask, prompts, strict=True)
    ]
    texts: list[str] = tokenizer.batch_decode(rows, skip_special_tokens=True)
    return texts
