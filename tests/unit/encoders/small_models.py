"""Models with modules behind the pooling, and texts for them."""

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    LayerNorm,
    Normalize,
    Pooling,
    Transformer,
)
from torch import nn

TEXTS = [
    "a cat .",
    "the child finds a small bird today .",
    "the man sees the red boat near a park .",
]
WIDTH = 16


def told(caplog) -> list[str]:
    """Return what the package itself has logged."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("starbench.")]


def behind(kind: str, modes="mean") -> list[nn.Module]:
    """Return the modules behind a tiny transformer."""
    torch.manual_seed(7)
    pooling = Pooling(WIDTH, modes)
    wide = pooling.get_embedding_dimension()
    norm = LayerNorm(wide)
    nn.init.normal_(norm.norm.weight, 1, 0.2)
    return {
        "pooling": [pooling],
        "normalize": [pooling, Normalize()],
        "dense": [pooling, Dense(wide, 12), Normalize()],
        "norm": [pooling, norm, Dense(wide, wide, activation_function=nn.GELU())],
    }[kind]


def model_of(checkpoint, kind: str = "pooling", modes="mean", **options) -> SentenceTransformer:
    """Return a SentenceTransformer of the tiny checkpoint."""
    modules = [Transformer(str(checkpoint)), *behind(kind, modes)]
    return SentenceTransformer(modules=modules, device="cpu", **options).eval()
