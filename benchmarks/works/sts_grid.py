"""All 36 cells of one model on seven STS sets beside an encoding of every cell by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta
from sentence_transformers import SentenceTransformer

from benchmarks.inputs import SEED, SYSTEM, model_folder, pair_sets, untouched_minilm
from benchmarks.work import Case, Work
from starbench.encoders.cutting import cut_to_depth
from starbench.run.models import model_named
from starbench.sizes import Size
from starbench.stages.embed.run import embed_texts
from starbench.stages.evaluate.run import score_model
from starbench.stages.evaluate.sts import SPLIT, overrides_of, sts_task
from starbench.store.records import read_records
from starbench.store.scores import SCORES

ROWS = 250
"""Pairs of each set: of whole sets, which hold 23,850 together, the peer takes an hour."""

BATCH = 64

Scores = dict[Size, float]


class _CutEncoder(AbsEncoder):
    """A SentenceTransformer cut to a size, as MTEB encodes with it."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.model = SentenceTransformer(
            str(folder),
            truncate_dim=size.dim,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )
        transformer = self.model[0]
        transformer.model = cut_to_depth(transformer.model, size.layers)
        self.mteb_model_meta = ModelMeta.create_empty(overrides_of("bench/cut", str(size)))

    def encode(self, inputs: Any, **_: Any) -> np.ndarray:
        with torch.autocast(self.model.device.type, torch.bfloat16):
            encoded = self.model.encode(inputs.dataset["text"], batch_size=BATCH)
        return np.asarray(encoded)


def _prepare(device: str, folder: Path) -> Case:
    sets = pair_sets(ROWS)
    runs = [untouched_minilm(folder / name, "sts", {name: one}) for name, one in sets.items()]

    def ours(part: int) -> Scores:
        config, paths = runs[part]
        for made in (paths.embeddings("sts", SYSTEM, SEED), paths.scores("sts", SYSTEM, SEED)):
            shutil.rmtree(made, ignore_errors=True)
        embed_texts(config, paths, "sts", SYSTEM, SEED)
        score_model(config, paths, "sts", SYSTEM, SEED)
        return _scores(paths.scores("sts", SYSTEM, SEED) / list(sets)[part] / SCORES)

    def peer(part: int) -> Scores:
        config, paths = runs[part]
        name = list(sets)[part]
        found = {}
        for cell in model_named(config, "sts", SYSTEM).cells:
            encoder = _CutEncoder(model_folder(paths, "sts"), cell)
            task = sts_task(name, read_records(paths.dataset(name)))
            scores = task.evaluate(encoder, SPLIT, encode_kwargs={"batch_size": BATCH})
            found[cell] = float(scores["default"]["cosine_spearman"])
        return found

    def difference(own: Scores, other: Scores) -> float:
        assert own.keys() == other.keys()
        return max(abs(own[cell] - other[cell]) for cell in own)

    return Case(ours, peer, difference, tolerance=0.005, rounds=len(sets), parts=True)


def _scores(path: Path) -> Scores:
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    found = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    return {
        Size(int(score["layers"]), int(score["dim"])): float(score["value"])
        for score in found
        if score["metric"] == "cosine_spearman"
    }


WORK = Work(
    "36-cell STS evaluation",
    "one encoding per cell, the model cut to it",
    _prepare,
    time_target=12,
    precision="bf16",
    weighed=False,
)
