"""What follows the transformer in a model: from the states of one layer to embeddings."""

# B = texts of a batch, T = tokens, W = width of the transformer, E = dimensions of an embedding

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from starbench.encoders.modules import TransformerFolder
from starbench.errors import InputError

POOLINGS = ("mean", "cls", "lasttoken")
"""The poolings that are computed here; others are the library's."""


class Following(Protocol):
    """Makes embeddings of the states of one layer."""

    def __call__(self, hidden_BTW: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the embeddings (B, E), neither cut nor normalised.

        Args:
            hidden_BTW: states of the tokens, padded on the right.
            mask_BT: 1 where there is a token that pooling takes into account.
        """
        ...


class PlainPooling:
    """Pooling alone, without the library, whose import takes seconds.

    Args:
        mode: ``mean`` over the tokens of a text, ``cls``: the first token, or ``lasttoken``.
    """

    def __init__(self, mode: str) -> None:
        if mode not in POOLINGS:
            raise InputError(
                f"pooling is {', '.join(POOLINGS[:-1])} or {POOLINGS[-1]}, got {mode!r}"
            )
        self.mode = mode

    def __call__(self, hidden_BTW: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the embeddings (B, W)."""
        if self.mode == "mean":
            weights_BT1 = mask_BT.unsqueeze(-1).to(hidden_BTW.dtype)
            return (hidden_BTW * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp(min=1)
        if self.mode == "cls":
            place_B = mask_BT.argmax(dim=1)
        else:
            place_B = mask_BT.shape[1] - 1 - mask_BT.flip(1).argmax(dim=1)
        return hidden_BTW[torch.arange(len(hidden_BTW), device=place_B.device), place_B]


class Modules:
    """The modules of sentence-transformers, one after another.

    Args:
        modules: what follows the transformer, without a normalisation at the end.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = list(modules)

    def __call__(self, hidden_BTW: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the embeddings (B, E)."""
        features: dict[str, Any] = {"token_embeddings": hidden_BTW, "attention_mask": mask_BT}
        for module in self.modules:
            features = module(features)
        embeddings: Tensor = features["sentence_embedding"]
        return embeddings.float()


def is_plain(folder: TransformerFolder) -> bool:
    """Whether a model's embeddings are those of `PlainPooling`, perhaps normalised."""
    kinds = [module.kind for module in folder.modules]
    return (
        kinds in (["Pooling"], ["Pooling", "Normalize"])
        and folder.pooling in POOLINGS
        and not folder.lowers_case
    )


def load_modules(folder: Path, device: torch.device) -> tuple[Any, Modules]:
    """Return the first module of a SentenceTransformer folder, and what follows it.

    The first one has the transformer and its tokenizer.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(folder),
        device=str(device),
        local_files_only=True,
        model_kwargs={"dtype": torch.float32},
    ).eval()
    first, *rest = model.children()
    while rest and type(rest[-1]).__name__ == "Normalize":
        rest.pop()
    return first, Modules(rest)
