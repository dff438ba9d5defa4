"""Running the scoring of one model on every dataset of its track, all cells of the grid."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.lock import only_one_in
from starbench.machine.startup import importing
from starbench.run import versions
from starbench.run.embeddings import opened_embeddings
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.run.slices import asymmetric_slice, bits_slice, scoring_slice
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
    kind = _Kind(versions.EVALUATE, TRACKS[track].scorer, scoring_slice)
    _score(config, paths, model_named(config, track, name), seed, kind)


def score_bits(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Score one model's embeddings with fewer bits a number, as `score_model` does.

    Raises InputError for a track whose config has no `bits`, too.
    """
    scorer = TRACKS[track].bits_scorer
    if config.tracks[track].bits is None or scorer is None:
        raise InputError(f"tracks.{track} has no key `bits`: nothing is scored with fewer bits")
    kind = _Kind(versions.BITS, scorer, bits_slice, paths.bits(track, name, seed))
    _score(config, paths, model_named(config, track, name), seed, kind)


def score_asymmetric(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> None:
    """Score queries of other layers than the passages of one model, as `score_model` does.

    Raises InputError for a track whose config does not ask for it, and a model of one size, too.
    """
    scorer, model = TRACKS[track].asymmetric_scorer, model_named(config, track, name)
    if not config.tracks[track].asymmetric or scorer is None:
        raise InputError(f"tracks.{track}.asymmetric is not true: no such search is asked for")
    if not model.has_several_depths:
        raise InputError(f"model {name} has one number of layers: its queries have no other one")
    into = paths.asymmetric(track, name, seed)
    _score(config, paths, model, seed, _Kind(versions.ASYMMETRIC, scorer, asymmetric_slice, into))


@dataclass(frozen=True)
class _Kind:
    """What a job scores of a model."""

    version: int
    scorer: str
    """``module:function``."""
    slice_of: Callable[[Config, Model, str], dict[str, Any]]
    """The part of the config that its results depend on."""
    into: Path | None = None
    """Where its results go, if not where scores of stored embeddings do."""


def _score(config: Config, paths: RunPaths, model: Model, seed: int, kind: _Kind) -> None:
    root = kind.into or paths.scores(model.track, model.name, seed)
    tasks = config.tracks[model.track].scored
    with importing():  # only what this track needs: MTEB takes seconds
        scorer: Callable[[Task], Scored] = named(kind.scorer)
    for dataset in tasks:
        sets = sets_of(config, model.track, dataset)
        found = [opened_embeddings(config, paths, model, seed, texts) for texts in sets]
        task = Task(config, paths, model, seed, dataset, found, kind.into)
        inputs = [paths.dataset(dataset), *(embeddings.folder for embeddings in found)]
        stage = Stage("evaluate", kind.version, kind.slice_of(config, model, dataset), inputs)
        with only_one_in(task.folder, "scoring"):
            if stage.is_done(task.folder):
                log.info("%s: already scored", dataset)
                continue
            shutil.rmtree(task.folder, ignore_errors=True)
            scored = scorer(task)
            told: dict[str, Any] = {"constant": [str(cell) for cell in scored.constant]}
            if scored.coding:
                told["coding"] = dict(scored.coding)
            stage.finish(task.folder, scored.files, **told)
        log.info("%s: scored", dataset)
    stage = Stage("evaluate", kind.version, {"datasets": tasks}, inputs=[])
    stage.finish(root, [f"{dataset}/manifest.json" for dataset in tasks])
