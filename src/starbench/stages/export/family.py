"""What a card tells of an exported size's family: scores in the run, training data, licence."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from starbench.config.config import Config
from starbench.config.lengths import origin_of
from starbench.errors import InputError
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.store.checksums import check
from starbench.store.manifest import read_manifest
from starbench.tracks import TRACKS

CARD = "README.md"

Scores = dict[str, dict[str, float]]
"""{size: {dataset: score}}"""


def family_scores(config: Config, paths: RunPaths, model: Model, seed: int) -> Scores | None:
    """Return the shown measure of a system at its trained sizes; None before anything is scored.

    Raises InputError for a ``scores.csv`` that is damaged.
    """
    path = paths.all_scores
    if not path.is_file():
        return None
    check(path, "starbench evaluate collect")
    scored = config.tracks[model.track].scored
    wanted = {name: TRACKS[model.track].metric(config.datasets[name]) for name in scored}
    found: Scores = {str(size): {} for size in config.trained_sizes}
    for row in _rows(path, model, seed):
        is_shown = wanted.get(row["dataset"]) == row["metric"] and row["size"] in found
        if is_shown and not math.isnan(value := float(row["value"] or "nan")):
            found[row["size"]][row["dataset"]] = value
    return found if any(found.values()) else None


def _rows(path: Path, model: Model, seed: int) -> Iterator[dict[str, str]]:
    about = {"system": model.system, "seed": str(seed), "track": model.track}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if all(row[key] == value for key, value in about.items()):
                    yield row
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): run starbench evaluate collect") from None


def training_data(config: Config, model: Model) -> list[tuple[str, list[str]]]:
    """Return what a model and the backbones under it were trained for and on, last step first.

    Steps that would read the same are one.
    """
    steps = _finetunings(config, model)
    name: str | None = model.backbone
    while name is not None:
        backbone = config.backbones[name]
        if backbone.pretraining is not None:
            what = f"pre-trained ({backbone.pretraining.objective})"
            steps.append((what, list(backbone.pretraining.datasets)))
        name = backbone.start
    return [step for index, step in enumerate(steps) if step not in steps[:index]]


def _finetunings(config: Config, model: Model) -> list[tuple[str, list[str]]]:
    """Return the fine-tuning of a model, and those of the models that it starts from."""
    steps = []
    if model.objective.trains:
        steps.append((f"fine-tuned ({model.objective.name})", model.finetuning.datasets))
    for name, _ in model.starts:
        steps += _finetunings(config, model_named(config, model.track, name))
    return steps


def checkpoint_of(config: Config, model: Model) -> str | None:
    """Return the backbone of the config whose checkpoint a model comes from, None without one."""
    origin = origin_of(config, model.backbone)
    return origin if config.backbones[origin].checkpoint is not None else None


def licence_of(paths: RunPaths, backbone: str) -> str | None:
    """Return the licence that a fetched checkpoint's own card states, None if it states none."""
    return read_manifest(paths.checkpoint(backbone)).get("licence")
