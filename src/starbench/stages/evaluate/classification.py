"""Classification: labels by a model's own heads, by linear probes, by the nearest neighbour."""

# N = texts, M = examples, D = dimensions

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from starbench.encoders.multiply_adds import layer_weights, mean_tokens
from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.run.held_back import held_back
from starbench.run.models import MODEL_FOLDER
from starbench.run.slices import text_set_slice
from starbench.run.texts import examples_of
from starbench.sizes import Size
from starbench.stages.evaluate.exits import (
    Chain,
    Predicted,
    Work,
    chains_of,
    policies,
    thresholds,
)
from starbench.stages.evaluate.probes import Classifier, fit_probe
from starbench.stages.evaluate.search import search
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.arrays import save_array
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.heads import Heads, read_heads
from starbench.store.records import read_records
from starbench.store.scores import CORRECT, EXIT_COLUMNS, EXITS, SCORES, Score, write_scores


def score_labels(task: Task) -> Scored:
    """Score one model's embeddings of a labelled dataset at every cell.

    `accuracy` is that of the model's own head where the cell has one, else of a linear probe;
    `probe_accuracy` is that of a probe at every cell; `nn_accuracy` that of the label of the
    nearest example by the cosine. Probes are fitted on the examples that are not held back.
    """
    data = _Data.of(task)
    heads = read_heads(task.paths.model(task.model.track, task.model.name, task.seed))
    if heads is not None:
        _check_labels(task, data, heads)
    chains = chains_of(task.model.cells, task.config.trained_sizes) if len(data.held) else []
    found = {cell: _at(task, data, cell, heads, chains) for cell in task.model.cells}
    nearest = _nearest(task, data)
    scores: list[Score] = []
    for cell, of_cell in found.items():
        values = {"accuracy": of_cell.correct, "probe_accuracy": of_cell.by_probe}
        values["nn_accuracy"] = nearest[cell]
        for metric, correct in values.items():
            scores += task.scores(cell, metric, float(correct.mean()), len(correct))
    task.folder.mkdir(parents=True, exist_ok=True)
    save_array(task.folder / CORRECT, np.stack([c.correct for c in found.values()]).astype("u1"))
    write_scores(task.folder / SCORES, scores)
    _write_exits(task.folder / EXITS, task, data, found, chains, heads)
    constant = [cell for cell, of_cell in found.items() if of_cell.constant]
    return Scored([SCORES, CORRECT, EXITS], constant)


@dataclass(frozen=True)
class _Data:
    """The labels of a dataset and of its examples, and the embeddings of both."""

    texts: StoredEmbeddings
    examples: StoredEmbeddings
    gold: np.ndarray
    """(N,)"""
    known: np.ndarray
    """Labels of the examples, (M,)."""
    learned: np.ndarray
    """Rows of the examples that probes are fitted on."""
    held: np.ndarray
    """Rows of those that are held back."""

    @classmethod
    def of(cls, task: Task) -> _Data:
        name = examples_of(task.config, task.dataset)
        gold, known = (
            np.array(read_records(task.paths.dataset(dataset))["label"])
            for dataset in (task.dataset, name)
        )
        held = held_back(task.config, task.paths, task.model.track, name, task.seed)
        texts, examples = task.embeddings
        for embeddings, labels in ((texts, gold), (examples, known)):
            if embeddings.rows != len(labels):
                raise InputError(
                    f"{embeddings.folder} holds {embeddings.rows} texts, the dataset {len(labels)}"
                )
        return cls(texts, examples, gold, known, np.setdiff1d(np.arange(len(known)), held), held)


@dataclass(frozen=True)
class _Cell:
    """What is said of the texts at one cell."""

    correct: np.ndarray
    """Whether the label is right, (N,): by the cell's own head, else by the probe."""
    by_probe: np.ndarray
    """The same by the probe, (N,)."""
    constant: bool
    """Whether all texts have the same embedding."""
    test: Predicted | None = None
    """What is said of the texts and of the examples held back, where a chain has the cell."""
    held: Predicted | None = None


def _check_labels(task: Task, data: _Data, heads: Heads) -> None:
    unknown = sorted(set(data.gold) - set(heads.classes))
    if unknown:
        raise InputError(
            f"dataset '{task.dataset}' has the label '{unknown[0]}', which no example has that "
            f"model {task.model.name} was trained on"
        )


def _at(task: Task, data: _Data, cell: Size, heads: Heads | None, chains: list[Chain]) -> _Cell:
    texts_ND, examples_MD = _read(data.texts, cell), _read(data.examples, cell)
    probe = fit_probe(examples_MD[data.learned], data.known[data.learned])
    head = heads.at(cell) if heads is not None else None
    own = probe if head is None else Classifier(np.array(heads.classes), *head)  # type: ignore[union-attr]
    test = _predicted(own, texts_ND, data.gold)
    by_probe = test if head is None else _predicted(probe, texts_ND, data.gold)
    constant = bool(np.ptp(texts_ND, axis=0).max() == 0)
    found = _Cell(test.correct, by_probe.correct, constant)
    if not any(cell in chain.sizes for chain in chains):
        return found
    held = _predicted(own, examples_MD[data.held], data.known[data.held])
    return _Cell(test.correct, by_probe.correct, constant, test, held)


def _read(embeddings: StoredEmbeddings, cell: Size) -> np.ndarray:
    vectors = np.asarray(embeddings.at(cell), dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise embeddings.not_finite(cell.layers)
    return vectors


def _predicted(by: Classifier, embeddings_ND: np.ndarray, gold_N: np.ndarray) -> Predicted:
    probabilities_NC = by.probabilities(embeddings_ND)
    best_N = probabilities_NC.argmax(axis=1)
    return Predicted(probabilities_NC.max(axis=1), by.classes[best_N] == gold_N)


def _nearest(task: Task, data: _Data) -> Mapping[Size, np.ndarray]:
    """Return whether the nearest example has the right label, (N,) at each cell."""
    order = np.arange(data.examples.rows)  # of equally near ones the first
    found = search(data.texts, [data.examples], task.model.cells, 1, "cosine", order)
    return {cell: data.known[best.rows[:, 0]] == data.gold for cell, best in found.items()}


def _write_exits(
    path: Path,
    task: Task,
    data: _Data,
    found: Mapping[Size, _Cell],
    chains: list[Chain],
    heads: Heads | None,
) -> None:
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(EXIT_COLUMNS)
        if not chains:
            return
        shared = heads is not None and heads.shared
        work = Work(_of_layer(task, data), len(set(data.known)), shared)
        for chain in chains:
            writer.writerows(_rows(task, chain, [found[size] for size in chain.sizes], work))


def _rows(task: Task, chain: Chain, at: list[_Cell], work: Work) -> Iterator[list[object]]:
    test = [cell.test for cell in at if cell.test is not None]
    learned = thresholds([cell.held for cell in at if cell.held is not None])
    correct_SN = np.stack([predicted.correct for predicted in test])
    for policy in policies(test, learned):
        right = float(correct_SN[policy.exits, np.arange(len(policy.exits))].mean())
        takes = work.of(chain, policy)
        below = policy.name == "threshold" and policy.upto > 0
        threshold = repr(learned[policy.upto - 1]) if below else ""
        for seed in task.seeds:
            yield [
                task.model.system,
                seed,
                task.dataset,
                chain.name,
                policy.name,
                chain.sizes[policy.upto],
                threshold,
                repr(right),
                *(repr(takes[name]) for name in ("dims", "dims_read", "layers", "multiply_adds")),
                len(policy.exits),
            ]


def _of_layer(task: Task, data: _Data) -> float:
    """Return the multiply-adds of one layer for a text of the dataset's mean length."""
    model = task.model
    folder = task.paths.model(model.track, model.name, task.seed) / MODEL_FOLDER
    longest = text_set_slice(task.config, model, task.dataset, "texts")["max_length"]
    prompt = data.texts.manifest.get("prompt") or ""
    texts = [prompt + text for text in read_records(task.paths.dataset(task.dataset))["text"]]
    return layer_weights(folder) * mean_tokens(folder, texts, longest)
