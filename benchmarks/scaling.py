"""How time and memory of each stage grow: with the number of sizes, batch, passages, dims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoModel, AutoTokenizer

from benchmarks.inputs import pair_rows, random_checkpoint, triplets
from benchmarks.measuring import peak_mib, timed
from benchmarks.works.retrieval_loss import columns_of, loss_of
from benchmarks.works.search import stored
from benchmarks.works.smae import batch_of, model_of
from starbench import Size, StarbucksLoss
from starbench.run.texts import texts_of
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.evaluate.search import Candidates, merged, search
from starbench.stages.evaluate.sts import sts_scores
from starbench.stages.finetune.ranking_loss import RankingLoss

LAYERS, WIDTH = 12, 192
RUNS = 3


@dataclass(frozen=True)
class Sweep:
    """A stage's work at growing values of one thing."""

    stage: str
    grows: str
    values: Sequence[int]
    prepare: Callable[[int, str, Path], Callable[[int], Any]]
    """(value, device, folder) to the work, which takes a number that it ignores."""


def sizes_of(count: int, layers: int = LAYERS, width: int = WIDTH) -> list[Size]:
    """Return `count` sizes, evenly spread up to the full one."""
    return [
        Size(max(1, layers * number // count), width * number // count)
        for number in range(1, count + 1)
    ]


def _smae(sizes: list[Size], texts: int, device: str) -> Callable[[int], Any]:
    model = model_of(sizes, device, vocabulary=8000)
    batch = batch_of(texts, 64, 8000, device)

    def step(_: int) -> None:
        model.zero_grad()
        model(**batch)["loss"].backward()

    return step


def _loss(sizes: list[Size], queries: int, device: str, folder: Path) -> Callable[[int], Any]:
    loss, terms = loss_of(sizes, folder)
    columns = columns_of(sizes, queries, 8 * queries, device)
    leaves = [tensor for pair in columns.values() for tensor in pair]
    return lambda _: torch.autograd.grad(loss.from_embeddings(columns, None, terms), leaves)


def _finetune(count: int, device: str, folder: Path) -> Callable[[int], Any]:
    transformer = Transformer(str(_checkpoint(folder)))
    model = SentenceTransformer(modules=[transformer, Pooling(WIDTH)], device=device)
    loss = StarbucksLoss(model, RankingLoss("cosine", 0.05), sizes_of(count))
    rows = triplets(16)
    columns = [
        dict(model.tokenizer(list(texts), padding=True, return_tensors="pt").to(device))
        for texts in zip(*(row.values() for row in rows), strict=True)
    ]
    no_other_right_answers = torch.zeros(len(rows), 2, device=device)

    def step(_: int) -> None:
        model.zero_grad()
        loss(columns, no_other_right_answers).backward()

    return step


def _checkpoint(folder: Path) -> Path:
    return random_checkpoint(folder / "model", LAYERS, WIDTH, 4 * WIDTH)


def _embed(count: int, device: str, folder: Path) -> Callable[[int], Any]:
    path = _checkpoint(folder)
    layers = [size.layers for size in sizes_of(count)]
    encoder = LayeredEncoder(
        AutoModel.from_pretrained(path), AutoTokenizer.from_pretrained(path), "mean", layers, 128
    )
    draw = np.random.default_rng(0)
    ids = draw.integers(5, 1000, (32, 64)).tolist()
    return lambda _: encoder.embed_batch(ids)


def _search(sizes: list[Size], passages: int, folder: Path) -> Callable[[int], Any]:
    folder = folder / f"{passages}-{sizes[-1].dim}"
    queries = stored(folder / "queries", 100, sizes[-1:], seed=1)
    found = stored(folder / "passages", passages, sizes[-1:], seed=2)
    return lambda _: search(queries, [found], sizes, 100, "dot", np.arange(passages))


def _dims(count: int, width: int = 768) -> list[Size]:
    """Return `count` sizes of one layer."""
    return sizes_of(count, layers=1, width=width)


def _score(count: int, folder: Path) -> Callable[[int], Any]:
    sizes, rows = sizes_of(count), Dataset.from_list(pair_rows(500))
    embeddings = stored(folder / str(count), len(texts_of(rows)), sizes, seed=1)
    return lambda _: sts_scores("pairs", rows, embeddings, sizes)


def _merge(shards: int) -> Callable[[int], Any]:
    draw = np.random.default_rng(0)
    queries, depth, rows = 200, 1000, 50_000
    parts = [
        Candidates(
            np.stack([draw.permutation(rows)[:depth] for _ in range(queries)]),
            -np.sort(-draw.standard_normal((queries, depth), dtype=np.float32)),
            np.ones(queries, dtype=np.float32),
        )
        for _ in range(shards)
    ]
    starts = [rows * number for number in range(shards)]
    ranks = np.arange(rows * shards)
    return lambda _: merged(parts, starts, depth, ranks)


COUNTS = (1, 3, 6, 12)
DIMS = (96, 192, 384, 768)

SWEEPS = [
    Sweep("SMAE step", "sizes", COUNTS, lambda n, device, _: _smae(sizes_of(n), 8, device)),
    Sweep("SMAE step", "texts", (2, 4, 8), lambda n, d, _: _smae(sizes_of(6), n, d)),
    Sweep("SRL step", "sizes", COUNTS, _finetune),
    Sweep("SRL loss", "sizes", COUNTS, lambda n, d, folder: _loss(sizes_of(n), 64, d, folder)),
    Sweep("SRL loss", "queries", (16, 32, 64, 128), lambda n, d, f: _loss(sizes_of(6), n, d, f)),
    Sweep("SRL loss", "dims", DIMS, lambda n, d, f: _loss(sizes_of(6, width=n), 64, d, f)),
    Sweep("embedding", "sizes", COUNTS, _embed),
    Sweep("STS scores", "sizes", COUNTS, lambda n, _, folder: _score(n, folder)),
    Sweep("search", "sizes", COUNTS, lambda n, _, folder: _search(_dims(n), 50_000, folder)),
    Sweep("search", "dims", DIMS, lambda n, _, folder: _search(_dims(6, n), 50_000, folder)),
    Sweep(
        "search",
        "passages",
        (12_500, 25_000, 50_000, 100_000),
        lambda n, _, folder: _search(_dims(6), n, folder),
    ),
    Sweep("merge", "shards", (1, 4, 16), lambda n, *_: _merge(n)),
]
"""What grows in which stage. One size is the full size alone."""


def seconds_of(sweep: Sweep, device: str, folder: Path) -> list[float]:
    """Return the shortest of some runs at each value."""
    found = []
    for value in sweep.values:
        work = sweep.prepare(value, device, folder)
        work(0)
        found.append(min(timed(work, 0, device) for _ in range(RUNS)))
    return found


def memory_of(sweep: Sweep, device: str, folder: Path) -> list[float]:
    """Return the peak above model and inputs at each value in MiB; in a process of its own."""
    found = []
    for value in sweep.values:
        work = sweep.prepare(value, device, folder)
        work(0)  # what a first run costs once is not growth
        found.append(peak_mib(work, device))
    return found


def exponent(values: Sequence[float], measured: Sequence[float]) -> float:
    """Return b of the fit ``measured = a * value ** b`` (least squares of the logarithms)."""
    return float(np.polyfit(np.log(values), np.log(measured), 1)[0])
