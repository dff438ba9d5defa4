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
from starbench.run.texts import sets_of
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.manifest import Stage
from starbench.tracks import TRACKS
from starbench.tracks.track import named

log = logging.getLogger(__name__)


def score_model(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Score one model's embeddings of every dataset of its track at every cell.

    Datasets that are already scored, from the same embeddings and config, are left as they are.
    Raises InputError for embeddings that are missing or of another model or config.
    """
    model = model_named(config, track, name)
    root = paths.scores(track, name, seed)
    tasks = config.tracks[track].scored
    with importing():  # only what this track needs: MTEB takes seconds
        scorer: Callable[[Task], Scored] = named(TRACKS[track].scorer)
    for dataset in tasks:
        sets = sets_of(config, track, dataset)
        found = [opened_embeddings(config, paths, model, seed, texts) for texts in sets]
        task = Task(config, paths, model, seed, dataset, found)
        inputs = [paths.dataset(dataset), *(embeddings.folder for embeddings in found)]
        stage = Stage("evaluate", versions.EVALUATE, scoring_slice(config, model, dataset), inputs)
        with only_one_in(task.folder, "scoring"):
            if stage.is_done(task.folder):
                log.info("%s: already scored", dataset)
                continue
            shutil.rmtree(task.folder, ignore_errors=True)
            scored = scorer(task)
            constant = [str(cell) for cell in scored.constant]
            stage.finish(task.folder, scored.files, constant=constant)
        log.info("%s: scored", dataset)
    stage = Stage("evaluate", versions.EVALUATE, {"datasets": tasks}, inputs=[])
    stage.finish(root, [f"{dataset}/manifest.json" for dataset in tasks])
