"""Embedding passages, all six layers kept, beside SentenceTransformer.encode of the last alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from benchmarks.inputs import collections, model_folder, passages, untouched_minilm
from benchmarks.work import Case, Work
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.store.embeddings import EmbeddingWriter

LAYERS, WIDTH, LENGTH = 6, 384, 256
PASSAGES = {"cpu": 2000, "cuda": 20_000}
"""Of 20,000 passages a processor embeds an even sample: all of them would take half an hour."""
PARTS = 4


class _Embedding:
    """Our side: texts of a part into a file a layer."""

    def __init__(self, model: Path, folder: Path, texts: list[list[str]], precision: str) -> None:
        layers = list(range(1, LAYERS + 1))
        self.encoder = LayeredEncoder.load(model, layers, LENGTH, precision)
        self.folder, self.texts = folder / precision, texts

    def __call__(self, part: int) -> np.ndarray:
        """Embed a part and return its full-size embeddings."""
        encoder, texts = self.encoder, self.texts[part]
        widths = dict.fromkeys(encoder.layers, WIDTH)
        writer = EmbeddingWriter(self.folder / str(part), len(texts), widths, "float32")
        ids = encoder.tokenize(texts)
        for batch in encoder.batches([len(row) for row in ids]):
            writer.write(batch, encoder.embed_batch([ids[row] for row in batch]))
        writer.close()
        return np.load(self.folder / str(part) / f"layer-{LAYERS}.npy")


def _parts(folder: Path, device: str) -> tuple[Path, list[list[str]]]:
    sets = collections()
    _, paths = untouched_minilm(folder, "retrieval", sets)
    texts = passages(paths, list(sets), PASSAGES[device])
    return model_folder(paths, "retrieval"), [texts[part::PARTS] for part in range(PARTS)]


def _beside_library(device: str, folder: Path) -> Case:
    path, parts = _parts(folder, device)
    ours = _Embedding(path, folder, parts, "fp32")
    model = SentenceTransformer(str(path), device=device)
    model.max_seq_length = LENGTH

    def peer(part: int) -> np.ndarray:
        return np.asarray(model.encode(parts[part]))

    return Case(ours, peer, _difference, tolerance=1e-4, rounds=PARTS, parts=True)


def _beside_fp32(device: str, folder: Path) -> Case:
    path, parts = _parts(folder, device)
    ours = _Embedding(path, folder, parts, "bf16")
    peer = _Embedding(path, folder, parts, "fp32")
    return Case(ours, peer, _difference, tolerance=0.05, rounds=PARTS, parts=True)


def _difference(own: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(_unit(own) - _unit(other)).max())


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


FP32 = Work(
    "embed passages, six layers",
    "SentenceTransformer.encode, the last layer alone",
    _beside_library,
    time_target=1.1,
    weighed=False,
)
BF16 = Work(
    "embed passages, six layers, bfloat16",
    "the same in fp32",
    _beside_fp32,
    time_target=2,
    weighed=False,
    precision="bf16",
)
