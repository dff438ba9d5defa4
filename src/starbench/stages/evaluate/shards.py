"""Searching one shard of a collection in a job of its own, and putting the shards together."""

from __future__ import annotations

import logging
from itertools import accumulate
from pathlib import Path

import numpy as np

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run import versions
from starbench.run.embeddings import opened_embeddings, similarity_of
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.run.slices import searching_slice
from starbench.run.texts import TextSet, passage_sets, searched_in, shard_of
from starbench.sizes import Size
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.search import Candidates, Ranking, candidates, merged
from starbench.stages.evaluate.task import Task
from starbench.store.arrays import load_array, save_array
from starbench.store.artifacts import opened
from starbench.store.manifest import Stage

log = logging.getLogger(__name__)

SEARCH_AGAIN = "remove its folder and search again"

PARTS = ("rows", "scores", "factors")
"""The arrays of `Candidates`, each with the cells before its own axes."""


def search_shard(
    config: Config, paths: RunPaths, track: str, name: str, seed: int, dataset: str, number: int
) -> None:
    """Search one shard with one model, for every set of queries on the collection.

    What was found already, with the same embeddings and config, is left as it is.
    """
    model = model_named(config, track, name)
    texts = shard_of(config, dataset, number)
    tasks = searched_in(config, track, dataset)
    for task in tasks:
        folder = _folder(paths, model, seed, texts) / task
        stage = _stage(config, paths, model, seed, task, texts)
        if stage.is_done(folder):
            log.info("%s: already searched for %s", texts.folder, task)
            continue
        found = _search(config, paths, model, seed, task, texts)
        stage.finish(folder, _save(folder, model, found))
        log.info("%s: searched for %s", texts.folder, task)
    stage = Stage("search", versions.EVALUATE, {"datasets": tasks}, inputs=[])
    stage.finish(_folder(paths, model, seed, texts), [f"{task}/manifest.json" for task in tasks])


def merged_shards(task: Task, collection: CollectionToScore) -> dict[Size, Ranking]:
    """Return the rankings of a task's queries at every cell, from the searches of its shards.

    Raises InputError for a search that is missing or of other embeddings or config.
    """
    config, paths, model = task.config, task.paths, task.model
    found: list[dict[Size, Candidates]] = []
    for texts in passage_sets(config, task.dataset):
        folder = _folder(paths, model, task.seed, texts) / task.dataset
        stage = _stage(config, paths, model, task.seed, task.dataset, texts)
        if opened(folder, "search").get("identity") != stage.identity:
            raise InputError(
                f"{folder} holds a search of other embeddings or with another config: remove it "
                "and search again"
            )
        found.append(_load(folder, model, len(collection.queries), texts, collection))
    _, *shards = task.embeddings
    first_rows = [0, *accumulate(shard.rows for shard in shards[:-1])]
    depth, ranks = collection.depth_to_search, collection.tie_ranks
    return {
        cell: merged([part[cell] for part in found], first_rows, depth, ranks)
        for cell in model.cells
    }


def _checked(path: Path, shape: tuple[int, ...], kinds: str) -> np.ndarray:
    """Return an array of a search; InputError for another shape, type, or values not finite."""
    array = load_array(path)
    if array.shape != shape or array.dtype.kind not in kinds:
        raise InputError(
            f"{path} is an array of {array.dtype} {array.shape}, not {shape}: {SEARCH_AGAIN}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{path} holds values that are not finite: {SEARCH_AGAIN}")
    return array


def _folder(paths: RunPaths, model: Model, seed: int, texts: TextSet) -> Path:
    return paths.searches(model.track, model.name, seed) / texts.folder


def _stage(
    config: Config, paths: RunPaths, model: Model, seed: int, task: str, texts: TextSet
) -> Stage:
    root = paths.embeddings(model.track, model.name, seed)
    inputs = [root / TextSet(task, "queries").folder, root / texts.folder]
    return Stage("search", versions.EVALUATE, searching_slice(config, model, task), inputs)


def _search(
    config: Config, paths: RunPaths, model: Model, seed: int, task: str, texts: TextSet
) -> dict[Size, Candidates]:
    collection = CollectionToScore.open(config, paths, model.track, task)
    rows = texts.rows(len(collection.passages))
    queries = opened_embeddings(config, paths, model, seed, TextSet(task, "queries"))
    shard = opened_embeddings(config, paths, model, seed, texts)
    return candidates(
        queries,
        [shard],
        model.cells,
        collection.depth_to_search,
        similarity_of(queries, model),
        collection.tie_ranks_of(rows),
    )


def _save(folder: Path, model: Model, found: dict[Size, Candidates]) -> list[str]:
    """Write an array for each of `PARTS`; the cells are in the model's order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{part}.npy" for part in PARTS]
    for part, name in zip(PARTS, names, strict=True):
        stacked = np.stack([getattr(found[cell], part) for cell in model.cells])
        kept = stacked.astype(np.uint32) if part == "rows" else stacked
        save_array(folder / name, kept)
    return names


def _load(
    folder: Path, model: Model, queries: int, texts: TextSet, collection: CollectionToScore
) -> dict[Size, Candidates]:
    passages = len(texts.rows(len(collection.passages)))
    shape = (len(model.cells), queries, min(collection.depth_to_search, passages))
    rows = _checked(folder / "rows.npy", shape, "iu")
    scores = _checked(folder / "scores.npy", shape, "f")
    factors = _checked(folder / "factors.npy", shape[:2], "f")
    if rows.size and int(rows.max()) >= passages:
        raise InputError(
            f"{folder / 'rows.npy'} names passage {rows.max()} of {passages}: {SEARCH_AGAIN}"
        )
    return {
        cell: Candidates(rows[number].astype(np.int64), scores[number], factors[number])
        for number, cell in enumerate(model.cells)
    }
