"""An encoder that gives the embedding of every wanted layer from one forward pass."""

# B = texts of a batch, T = tokens, W = width

from __future__ import annotations

import json
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
from starbench.encoders.positions import positions_of
from starbench.errors import InputError

POOLINGS = ("mean", "cls", "lasttoken")
POOLING_NAMES = "mean, cls or lasttoken"
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class LayeredEncoder:
    """A Hugging Face encoder cut to the deepest wanted layer, with pooling at each wanted one.

    Args:
        transformer: the encoder; below fp32 its linear layers are cast to the precision.
        tokenizer: its tokenizer.
        pooling: ``mean`` over the tokens of a text, ``cls``: the first token, or ``lasttoken``.
        layers: numbers of layers whose embeddings are wanted.
        max_length: longest text in tokens; what is longer is cut.
        precision: ``fp32``, ``bf16`` or ``fp16``: arithmetic of the forward pass (autocast).
        tokens_per_batch: padded tokens in one forward pass; None for the device's default.
    """

    def __init__(
        self,
        transformer: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        pooling: str,
        layers: Sequence[int],
        max_length: int,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
    ) -> None:
        if pooling not in POOLINGS:
            raise InputError(f"pooling is {POOLING_NAMES}, got {pooling!r}")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if precision == "fp16" and self.device.type == "cpu":
            raise InputError("precision fp16 needs a GPU; use bf16 or fp32 on a processor")
        self.layers = sorted(set(layers))
        self.transformer = cut_to_depth(transformer, self.layers[-1]).eval().to(self.device)
        self.norm = final_norm(self.transformer)
        self.options = {"use_cache": False} if family_of(self.transformer).causal else {}
        if precision != "fp32":
            _cast_linear_layers(self.transformer, PRECISIONS[precision])
        self.tokenizer, self.pooling = tokenizer, pooling
        self.positions = positions_of(transformer)
        self.max_length = min(max_length, self.positions or max_length)
        self.precision = precision
        self.tokens_per_batch = tokens_per_batch or TOKENS_PER_BATCH[self.device.type]

    @classmethod
    def load(
        cls,
        folder: Path,
        layers: Sequence[int],
        max_length: int | None = None,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
    ) -> LayeredEncoder:
        """Load a SentenceTransformer folder of a transformer and one of the poolings.

        Raises InputError for a folder with other modules, or fewer layers than wanted.
        """
        modules = _json(folder / "modules.json")
        kinds = [_kind(module) for module in modules] if isinstance(modules, list) else modules
        if kinds != ["Transformer", "Pooling"]:
            raise InputError(
                f"{folder / 'modules.json'}: expected the modules Transformer, Pooling, got {kinds}"
            )
        with loading(folder, "model"):
            tokenizer = AutoTokenizer.from_pretrained(folder)
            transformer, told = AutoModel.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True
            )
        refuse_random(folder, "model", told["missing_keys"])
        return cls(
            transformer,
            tokenizer,
            _pooling(folder / "1_Pooling" / "config.json"),
            layers,
            max_length or tokenizer.model_max_length,
            precision,
            tokens_per_batch,
        )

    @property
    def width(self) -> int:
        """Dimensions of the embeddings."""
        return width_of(self.transformer)

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
    def embed_batch(self, ids: Sequence[Sequence[int]]) -> dict[int, np.ndarray]:
        """Return {layer: (B, W) float32} of tokenized texts, neither cut nor normalised."""
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
        return {
            layer: self._pool(self._hidden(output, layer).float(), mask_BT).cpu().numpy()
            for layer in self.layers
        }

    def _hidden(self, output: Any, layer: int) -> Tensor:
        hidden_BTW: Tensor = (
            output.last_hidden_state
            if layer == self.layers[-1]
            else self.norm(output.hidden_states[layer])
        )
        return hidden_BTW

    def _pool(self, hidden_BTW: Tensor, mask_BT: Tensor) -> Tensor:
        if self.pooling == "cls":
            return hidden_BTW[:, 0]
        if self.pooling == "lasttoken":
            rows_B = torch.arange(len(mask_BT), device=mask_BT.device)
            return hidden_BTW[rows_B, mask_BT.sum(dim=1) - 1]
        weights_BT1 = mask_BT.unsqueeze(-1).to(hidden_BTW.dtype)
        return (hidden_BTW * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp(min=1)


def _cast_linear_layers(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast once what autocast casts in every batch, which takes a fifth of the time."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)


def _json(path: Path) -> Any:
    if not path.is_file():
        raise InputError(
            f"{path.parent} is not a SentenceTransformer folder: it has no {path.name}"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({' '.join(str(error).split())[:100]})") from None


def _kind(module: Any) -> str:
    kind = module.get("type") if isinstance(module, dict) else module
    return str(kind).rsplit(".", 1)[-1]


def _pooling(path: Path) -> str:
    found = _json(path)
    if not isinstance(found, dict) or found.get("pooling_mode") not in POOLINGS:
        got = found.get("pooling_mode") if isinstance(found, dict) else found
        raise InputError(f"{path}: pooling_mode is {POOLING_NAMES}, got {got!r:.40}")
    return str(found["pooling_mode"])
