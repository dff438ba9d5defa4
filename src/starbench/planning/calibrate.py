"""Measuring the device at hand: short runs of what jobs spend their time on."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from transformers import BertConfig, BertModel

from starbench.encoders.shape import Encoder
from starbench.machine.hardware import hardware
from starbench.planning.devices import Device, Host, shipped
from starbench.planning.starting import start_seconds
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.retrieval import write_run
from starbench.stages.evaluate.search import Ranking
from starbench.stages.evaluate.significance import bootstrap_spearman

WIDTHS = {"cpu": (128, 384, 768), "gpu": (384, 768, 1024)}
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LAYERS = 2
LENGTH = 64
TEXTS = {"cpu": 32, "gpu": 1024}
VOCABULARY = 1000


def calibrate() -> Device:
    """Measure a GPU, or every core of the processor at once, as a run keeps them all busy.

    Returns:
        The device; of a processor the rates are the mean of its cores, in processor seconds.
        What takes a network or MTEB is not measured and stays as it is assumed of a laptop.
    """
    if torch.cuda.is_available():
        return _device(_measured("gpu"), "gpu", 1, 0.0)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = cores or 1
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        found = pool.map(_measured, ["cpu"] * count, chunksize=1)
    return _device(_mean(found), "cpu", count, _another_core(count))


def _device(
    found: dict[str, Any], kind: Literal["gpu", "cpu"], cores: int, another: float
) -> Device:
    named = hardware()
    assumed = shipped()["laptop-core"].host.model_dump()
    host = Host(**(assumed | {key: found.pop(key) for key in list(found) if key in assumed}))
    gpu = kind == "gpu"
    return Device(
        name=named["gpus"][0] if gpu else f"one core of {named['processor']}",
        kind=kind,
        source=f"measured by starbench plan --calibrate with torch {torch.__version__}",
        memory_gb=torch.cuda.get_device_properties(0).total_memory / 1e9 if gpu else None,
        cores=cores,
        another_core=another,
        host=host,
        **found,
    )


def _mean(found: list[Any]) -> Any:
    """Return the mean of equal structures of numbers, to four digits."""
    if isinstance(found[0], dict):
        return {key: _mean([each[key] for each in found]) for key in found[0]}
    return float(f"{statistics.mean(found):.4g}")


def _measured(kind: str) -> dict[str, Any]:
    """Measure everything once, with one thread."""
    torch.set_num_threads(1)
    clock = _Clock(kind)
    call = _layer_call(clock)
    measured: dict[str, Any] = {"training": {}, "embedding": {}, "search": {"fp32": {}}}
    for precision in PRECISIONS if kind == "gpu" else ("fp32", "bf16"):
        for work in ("training", "embedding"):
            measured[work][precision] = {
                width: _encoder_rate(clock, work, precision, width, call) for width in WIDTHS[kind]
            }
    for width in WIDTHS[kind]:
        measured["search"]["fp32"][width] = _product_rate(clock, width)
    return {
        "measured": measured,
        "layer_call_s": call,
        "updates_per_s": _update_rate(clock),
        "scores_per_s": _score_rate(clock),
        "start_s": start_seconds(kind == "gpu"),
        "tokens_per_s": _token_rate(),
        "ranked_per_s": _ranked_rate(),
        "resampled_per_s": _resampled_rate(),
        "write_bytes_per_s": _write_rate(),
    }


class _Clock:
    """Times work: processor seconds on a processor, so that other programs do not count."""

    def __init__(self, kind: str) -> None:
        self.kind, self.device = kind, torch.device("cuda" if kind == "gpu" else "cpu")

    def seconds(self, work: Callable[[], Any], repeats: int = 3, least: float = 0.2) -> float:
        """Return the fastest of some repeats, after one that warms up."""
        work()
        return min(self._once(work, least) for _ in range(repeats))

    def _once(self, work: Callable[[], Any], least: float) -> float:
        times, start = 0, self._now()
        while self._now() - start < least or not times:
            work()
            times += 1
        return (self._now() - start) / times

    def _now(self) -> float:
        if self.kind == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def _bert(clock: _Clock, width: int, layers: int) -> tuple[BertModel, Encoder]:
    heads = max(1, width // 64 if width >= 512 else width // 32)
    made = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=LENGTH,
    )
    encoder = Encoder(layers, width, 4 * width, VOCABULARY, LENGTH)
    return BertModel(made, add_pooling_layer=False).to(clock.device), encoder


def _pass(clock: _Clock, model: BertModel, texts: int, precision: str) -> Callable[[], Any]:
    ids = torch.randint(0, VOCABULARY, (texts, LENGTH), device=clock.device)
    mask = torch.ones_like(ids)

    def run() -> torch.Tensor:
        with torch.autocast(clock.device.type, PRECISIONS[precision], enabled=precision != "fp32"):
            found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            states: torch.Tensor = found.last_hidden_state
        return states.float().mean()

    return run


def _encoder_rate(clock: _Clock, work: str, precision: str, width: int, call: float) -> float:
    """Return operations a second of a training step without its update, or of an embedding pass."""
    texts = TEXTS[clock.kind] // (2 if work == "embedding" else 1)
    model, encoder = _bert(clock, width, LAYERS)
    run = _pass(clock, model, texts, precision)
    operations = encoder.forward(texts * LENGTH, LENGTH)
    if work == "embedding":
        model.eval()
        with torch.inference_mode():
            seconds = clock.seconds(run)
        return operations / max(seconds - LAYERS * call / 3, seconds / 2)
    model.train()

    def step() -> None:
        model.zero_grad()
        run().backward()

    seconds = clock.seconds(step)
    return 3 * operations / max(seconds - LAYERS * call, seconds / 2)


def _layer_call(clock: _Clock) -> float:
    """Return the seconds of one layer's forward and backward calls on next to nothing."""
    few, many = 2, 10
    seconds = []
    for layers in (few, many):
        model, _ = _bert(clock, 32, layers)
        run = _pass(clock, model, 1, "fp32")
        seconds.append(clock.seconds(lambda run=run: run().backward()))  # type: ignore[misc]
    return max(0.0, (seconds[1] - seconds[0]) / (many - few))


def _product_rate(clock: _Clock, width: int) -> float:
    first = torch.randn(1024, width, device=clock.device)
    second = torch.randn(4096, width, device=clock.device)
    return 2.0 * 1024 * 4096 * width / clock.seconds(lambda: first @ second.T)


def _update_rate(clock: _Clock) -> float:
    parameter = torch.nn.Parameter(torch.randn(4_000_000, device=clock.device))
    parameter.grad = torch.randn_like(parameter)
    optimizer = torch.optim.AdamW([parameter], fused=True)
    return parameter.numel() / clock.seconds(optimizer.step)


def _score_rate(clock: _Clock) -> float:
    """Return how many scores a second are compared with the worst that are kept."""
    scores = torch.randn(256, 2**16, device=clock.device)
    worst = scores.topk(100, dim=1).values[:, -1]
    seconds = clock.seconds(lambda: (scores >= worst[:, None]).nonzero(as_tuple=True))
    return scores.numel() / seconds


def _token_rate() -> float:
    from starbench.sources.miniature import texts
    from starbench.stages.pretrain.tokenizer import train_tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    made = [record["text"] for record in texts(2000, 1)]
    tokenizer = train_tokenizer(made, VOCABULARY, 512)
    tokens = sum(map(len, tokenizer(made)["input_ids"]))
    return tokens / _Clock("cpu").seconds(lambda: tokenizer(made))


def _ranked_rate() -> float:
    """Return how many ranked passages a second are named, measured and written."""
    queries, passages, depth = 50, 20_000, 1000
    names = [f"q{number}" for number in range(queries)]
    draw = np.random.default_rng(0)
    qrels = {name: {f"p{row}": 1 for row in draw.integers(0, passages, 3)} for name in names}
    ids = pa.chunked_array([[f"p{number}" for number in range(passages)]])
    collection = CollectionToScore(names, ids, qrels, depth, False, "corpus", "trec_eval")
    rows = np.stack([draw.permutation(passages)[:depth] for _ in names])
    ranking = Ranking(rows, -np.sort(-draw.random(rows.shape).astype(np.float32)))

    def measure() -> None:
        ranked = list(collection.ranked(ranking))
        collection.measuring.of({query: found for query, found, _ in ranked})
        with tempfile.TemporaryDirectory() as folder:
            write_run(Path(folder) / "run.gz", ranked[: queries // 6], "run")

    return rows.size / _Clock("cpu").seconds(measure)


def _resampled_rate() -> float:
    draw = np.random.default_rng(0)
    gold, systems = draw.random(1000), draw.random((8, 1000))
    seconds = _Clock("cpu").seconds(lambda: bootstrap_spearman(gold, systems, 0, 200))
    return systems.size * 200 / seconds


def _write_rate() -> float:
    """Return the bytes a second that reach the disk of the current folder, in wall time."""
    block = np.random.default_rng(0).bytes(2**26)
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        start = time.perf_counter()
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return len(block) / (time.perf_counter() - start)


def _another_core(cores: int) -> float:
    """Return what each further core adds to a training step, in wall time."""
    if cores == 1:
        return 0.0
    model, _ = _bert(_Clock("cpu"), 128, 6)
    run = _pass(_Clock("cpu"), model, TEXTS["cpu"], "fp32")
    seconds = []
    for threads in (1, cores):
        torch.set_num_threads(threads)
        best = float("inf")
        for _ in range(8):
            start = time.perf_counter()
            run().backward()
            best = min(best, time.perf_counter() - start)
        seconds.append(best)
    return min(1.0, max(0.0, (seconds[0] / seconds[1] - 1) / (cores - 1)))
