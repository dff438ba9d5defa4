"""Collecting the scores of every model into the files of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starbench.config.config import Config
from starbench.run.bits import stored_bits
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.store.artifacts import opened
from starbench.store.collected import collect
from starbench.store.manifest import read_manifest
from starbench.store.scores import (
    ADAPTIVE,
    ADAPTIVE_COLUMNS,
    ASYMMETRIC,
    ASYMMETRIC_COLUMNS,
    COLUMNS,
    EXIT_COLUMNS,
    EXITS,
    SCORES,
)


def collect_run(config: Config, paths: RunPaths) -> None:
    """Put the scores of the whole run into ``scores.csv``, and other collected files beside it."""
    stored = score_folders(config, paths)
    folders = [*stored, *bits_folders(config, paths)]
    last = {folder / SCORES: bits for folder, bits in stored.items()}
    collect(paths.all_scores, _checked(folders, SCORES), COLUMNS, last)
    if config.tries_adaptive:
        tried = [folder for folder in folders if ADAPTIVE in read_manifest(folder)["files"]]
        collect(paths.all_adaptive, _checked(tried, ADAPTIVE), ADAPTIVE_COLUMNS)
    if config.tries_exits:
        tried = [folder for folder in folders if EXITS in read_manifest(folder)["files"]]
        collect(paths.all_exits, _checked(tried, EXITS), EXIT_COLUMNS)
    if config.tries_asymmetric:
        small = asymmetric_folders(config, paths)
        collect(paths.all_asymmetric, _checked(small, ASYMMETRIC), ASYMMETRIC_COLUMNS)


def _checked(folders: Sequence[Path], file: str) -> list[Path]:
    """Return a file of each folder after checking that its bytes are what was written."""
    for folder in folders:
        opened(folder, "evaluate", [file])
    return [folder / file for folder in folders]


def score_folders(config: Config, paths: RunPaths) -> dict[Path, str]:
    """Return the folder of every model's scores on every dataset, then those of BM25.

    Each with the representation of its vectors, which BM25 has not: the text is empty.
    """
    folders = {
        paths.scores(track, model.name, seed) / dataset: stored_bits(config, track)
        for track in config.tracks
        for model in models_of(config, track)
        for seed in model.seeds
        for dataset in config.tracks[track].scored
    }
    return folders | {
        paths.bm25(track) / dataset: ""
        for track in config.tracks
        for dataset in config.bm25_of(track)
    }


def asymmetric_folders(config: Config, paths: RunPaths) -> list[Path]:
    """Return the folder of every model's scores of small queries on every dataset."""
    return [
        paths.asymmetric(track, model.name, seed) / dataset
        for track, section in config.tracks.items()
        if section.asymmetric
        for model in models_of(config, track)
        if model.has_several_depths
        for seed in model.seeds
        for dataset in section.scored
    ]


def bits_folders(config: Config, paths: RunPaths) -> list[Path]:
    """Return the folder of every model's scores with fewer bits on every dataset."""
    return [
        paths.bits(track, model.name, seed) / dataset
        for track, section in config.tracks.items()
        if section.bits is not None
        for model in models_of(config, track)
        for seed in model.seeds
        for dataset in section.scored
    ]
