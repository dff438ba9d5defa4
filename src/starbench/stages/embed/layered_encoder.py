"""An encoder that gives the embedding of every wanted layer from one forward pass."""

# B = texts of a batch, T = tokens, W = width of the transformer, E = dimensions

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from starbench.config.amounts import TOKENS_PER_BATCH
from starbench.encoders.cutting import cut_to_depth
from starbench.encoders.families import family_of, final_norm, width_of
from starbench.encoders.loading import loading, refuse_random
from starbench.encoders.modules import MODULES, TransformerFolder, transformer_in
from starbench.encoders.positions import positions_of
from starbench.encoders.prompts import prompt_tokens
from starbench.errors import InputError
from starbench.machine.gpus import torch_device
from starbench.stages.embed.following import Following, PlainPooling, is_plain, load_modules

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class LayeredEncoder:
    """A Hugging Face encoder cut to the deepest wanted layer, with pooling at each wanted one.

    Args:
        transformer: the encoder; below fp32 its linear layers are cast to the precision.
        tokenizer: its tokenizer.
        following: what makes embeddings of a layer's states; a pooling by its name.
        layers: numbers of layers whose embeddings are wanted.
        max_length: longest text in tokens; what is longer is cut.
        precision: ``fp32``, ``bf16`` or ``fp16``: arithmetic of the forward pass (autocast).
        tokens_per_batch: padded tokens in one forward pass; None for the device's default.
        source: the SentenceTransformer folder that it is of, if it is.
    """

    def __init__(
        self,
        transformer: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        following: Following | str,
        layers: Sequence[int],
        max_length: int,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
        source: TransformerFolder | None = None,
    ) -> None:
        self.following = PlainPooling(following) if isinstance(following, str) else following
        self.device = torch_device()
        if precision == "fp16" and self.device.type == "cpu":
            raise InputError("precision fp16 needs a GPU; use bf16 or fp32 on a processor")
        self.layers = sorted(set(layers))
        self.transformer = cut_to_depth(transformer, self.layers[-1]).eval().to(self.device)
        self.norm = final_norm(self.transformer)
        self.options = {"use_cache": False} if family_of(self.transformer).causal else {}
        if precision != "fp32":
            _cast_linear_layers(self.transformer, PRECISIONS[precision])
        self.tokenizer = tokenizer
        self.positions = positions_of(transformer)
        self.max_length = min(max_length, self.positions or max_length)
        self.precision = precision
        self.tokens_per_batch = tokens_per_batch or TOKENS_PER_BATCH[self.device.type]
        self.source = source

    @classmethod
    def load(
        cls,
        folder: Path,
        layers: Sequence[int],
        max_length: int | None = None,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
    ) -> LayeredEncoder:
        """Load a SentenceTransformer folder; all modules that follow its transformer are kept.

        Raises InputError for a folder without modules, with one that cannot be applied to an inner
        layer, or with fewer layers than wanted.
        """
        if not (folder / MODULES).is_file():
            raise InputError(f"{folder} is not a SentenceTransformer folder: it has no {MODULES}")
        source = transformer_in(folder, str(folder))
        device = torch_device()
        following: Following
        with loading(folder, "model"):
            transformer, told = AutoModel.from_pretrained(
                source.folder, dtype=torch.float32, output_loading_info=True
            )
            if is_plain(source):
                tokenizer = AutoTokenizer.from_pretrained(source.folder)
                following = PlainPooling(source.pooling or "mean")
            else:
                first, following = load_modules(folder, device)
                transformer, tokenizer = first.auto_model, first.tokenizer
        refuse_random(folder, "model", told["missing_keys"])
        longest = max_length or source.max_length or tokenizer.model_max_length
        return cls(
            transformer,
            tokenizer,
            following,
            layers,
            longest,
            precision,
            tokens_per_batch,
            source,
        )

    @property
    def similarity(self) -> str:
        """What compares embeddings that are cut: ``cosine`` or ``dot``.

        A model that normalises at its end does so after the cut: its dot product is the cosine.
        """
        if self.source is None or self.source.normalises:
            return "cosine"
        return self.source.similarity or "cosine"

    @property
    def prompts(self) -> tuple[dict[str, str], str | None]:
        """The model's own prompts, and the name of the one that it uses where nothing fits."""
        return (
            ({}, None) if self.source is None else (self.source.prompts, self.source.default_prompt)
        )

    def left_out_of(self, prompt: str) -> int:
        """Return how many tokens at the start of a text pooling leaves out: those of its prompt."""
        if not prompt or self.source is None or self.source.pools_prompt:
            return 0
        return prompt_tokens(self.tokenizer, prompt)

    @property
    def width(self) -> int:
        """Dimensions of the embeddings."""
        hidden = width_of(self.transformer)
        return hidden if self.source is None else self.source.width(hidden)

    def tokenize(self, texts: Sequence[str], max_length: int | None = None) -> list[list[int]]:
        """Return the token ids of each text, cut to `max_length` or the encoder's own.

        Raises InputError for a length that the model has no positions for.
        """
        longest = max_length or self.max_length
        if self.positions is not None and longest > self.positions:
            raise InputError(f"max_length {longest}: the model has {self.positions} positions")
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=longest,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return batches of text indices, longest first, each within the token budget."""
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        batches: list[list[int]] = []
        first = 0
        while first < len(order):
            count = max(1, self.tokens_per_batch // max(1, lengths[order[first]]))
            batches.append(order[first : first + count])
            first += count
        return batches

    @torch.inference_mode()
    def embed_batch(self, ids: Sequence[Sequence[int]], left_out: int = 0) -> dict[int, np.ndarray]:
        """Return {layer: (B, E) float32} of tokenized texts, neither cut nor normalised.

        Args:
            ids: the tokens of each text.
            left_out: tokens at the start of each text that pooling leaves out.
        """
        longest = max(1, *(len(row) for row in ids))
        mask_BT = torch.zeros(len(ids), longest, dtype=torch.long)
        ids_BT = torch.full((len(ids), longest), self.tokenizer.pad_token_id or 0)
        for row, tokens in enumerate(ids):
            ids_BT[row, : len(tokens)] = torch.tensor(tokens)
            # Decoders may make no token of an empty text: it is read as one token of padding.
            mask_BT[row, : max(1, len(tokens))] = 1
        mask_BT = mask_BT.to(self.device)
        with torch.autocast(
            self.device.type, PRECISIONS[self.precision], enabled=self.precision != "fp32"
        ):
            output = self.transformer(
                input_ids=ids_BT.to(self.device),
                attention_mask=mask_BT,
                output_hidden_states=True,
                **self.options,
            )
        pooled_BT = mask_BT.clone()
        pooled_BT[:, :left_out] = 0
        return {
            layer: self.following(self._hidden(output, layer).float(), pooled_BT).cpu().numpy()
            for layer in self.layers
        }

    def _hidden(self, output: Any, layer: int) -> Tensor:
        hidden_BTW: Tensor = (
            output.last_hidden_state
            if layer == self.layers[-1]
            else self.norm(output.hidden_states[layer])
        )
        return hidden_BTW


def _cast_linear_layers(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast once what autocast casts in every batch, which takes a fifth of the time."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)
