"""Running the scoring of one model on every dataset of its track, all cells of the grid."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable

from starbench.config.config import Config
from starbench.machine.lock import only_one_in
from starbench.machine.startup import importing
from starbench.run import versions
from starbench.run.embeddings import opened_embeddings
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.run.slices import scoring_slice
from starbench.run.texts import TextSet, passage_sets
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.manifest import Stage

log = logging.getLogger(__name__)


def score_model(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Score one model's embeddings of every dataset of its track at every cell.

    Datasets that are scored already, from the same embeddings and config, are left as they are.
    Raises InputError for embeddings that are missing or of another model or config.
    """
    model = model_named(config, track, name)
    root = paths.scores(track, name, seed)
    tasks = config.tracks[track].scored  # type: ignore[index]
    for dataset in tasks:
        sets = _text_sets(config, track, dataset)
        found = [opened_embeddings(config, paths, model, seed, texts) for texts in sets]
        task = Task(config, paths, model, seed, dataset, found)
        inputs = [paths.dataset(dataset), *(embeddings.folder for embeddings in found)]
        stage = Stage("evaluate", versions.EVALUATE, scoring_slice(config, model, dataset), inputs)
        with only_one_in(task.folder, "scoring"):
            if stage.is_done(task.folder):
                log.info("%s: scored already", dataset)
                continue
            shutil.rmtree(task.folder, ignore_errors=True)
            scored = _scoring(track)(task)
            constant = [str(cell) for cell in scored.constant]
            stage.finish(task.folder, scored.files, constant=constant)
        log.info("%s: scored", dataset)
    stage = Stage("evaluate", versions.EVALUATE, {"datasets": tasks}, inputs=[])
    stage.finish(root, [f"{dataset}/manifest.json" for dataset in tasks])


def _scoring(track: str) -> Callable[[Task], Scored]:
    # Each imports what the other can do without: MTEB takes seconds.
    with importing():
        if track == "sts":
            from starbench.stages.evaluate.sts import score_pairs

            return score_pairs
        from starbench.stages.evaluate.retrieval import score_collection

        return score_collection


def _text_sets(config: Config, track: str, dataset: str) -> list[TextSet]:
    if track == "sts":
        return [TextSet(dataset, "pairs")]
    return [TextSet(dataset, "queries"), *passage_sets(config, dataset)]
