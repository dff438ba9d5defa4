"""Collecting the scores of every model into the files of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starbench.config.config import Config
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.store.artifacts import opened
from starbench.store.collected import collect
from starbench.store.manifest import read_manifest
from starbench.store.scores import ADAPTIVE, ADAPTIVE_COLUMNS, COLUMNS, SCORES


def collect_run(config: Config, paths: RunPaths) -> None:
    """Put the scores of the whole run into ``scores.csv``, adaptive retrieval's beside it."""
    folders = score_folders(config, paths)
    collect(paths.all_scores, _checked(folders, SCORES), COLUMNS)
    if config.tries_adaptive:
        tried = [folder for folder in folders if ADAPTIVE in read_manifest(folder)["files"]]
        collect(paths.all_adaptive, _checked(tried, ADAPTIVE), ADAPTIVE_COLUMNS)


def _checked(folders: Sequence[Path], file: str) -> list[Path]:
    """Return a file of each folder after checking that its bytes are what was written."""
    for folder in folders:
        opened(folder, "evaluate", [file])
    return [folder / file for folder in folders]


def score_folders(config: Config, paths: RunPaths) -> list[Path]:
    """Return the folder of every model's scores on every dataset, then those of BM25."""
    folders = [
        paths.scores(track, model.name, seed) / dataset
        for track in config.tracks
        for model in models_of(config, track)
        for seed in model.seeds
        for dataset in config.tracks[track].scored
    ]
    return folders + [
        paths.bm25(track) / dataset for track in config.tracks for dataset in config.bm25_of(track)
    ]
