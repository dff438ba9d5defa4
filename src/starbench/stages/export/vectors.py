"""Vectors of texts from a model in torch or in ONNX Runtime, batch by batch alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from starbench.encoders.onnx_model import INPUTS, onnx_session

BATCH = 32
Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts to vectors (texts, dim), float32."""


def torch_embed(model: SentenceTransformer) -> Embed:
    """Return what embeds texts with a model, without prompts."""

    @torch.inference_mode()
    def run(features: dict[str, Any]) -> np.ndarray:
        vectors: np.ndarray = model.eval()(features)["sentence_embedding"].float().numpy()
        return vectors

    return _in_batches(model, run)


def onnx_embed(path: Path, model: SentenceTransformer) -> Embed:
    """Return what embeds texts with an ONNX file, tokenized as `model` does it."""
    session = onnx_session(path, torch.get_num_threads())

    def run(features: dict[str, Any]) -> np.ndarray:
        given = {name: features[name].numpy() for name in INPUTS}
        vectors: np.ndarray = session.run(None, given)[0]
        return vectors

    return _in_batches(model, run)


def _in_batches(model: SentenceTransformer, run: Callable[[dict[str, Any]], np.ndarray]) -> Embed:
    def embed(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
        found = [run(dict(model.preprocess([texts[row] for row in batch]))) for batch in batches]
        vectors = np.concatenate(found)
        return vectors[np.argsort(order)]

    return embed


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of each row of one array with the same row of the other (rows,)."""
    first, second = (unit(vectors.astype(np.float64)) for vectors in (first, second))
    products: np.ndarray = np.einsum("td,td->t", first, second)
    return products


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return rows of length 1 (a row of zeros stays one)."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled
