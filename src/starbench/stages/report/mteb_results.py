"""The scores of a run as MTEB's own result files: a model for each system at each size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import write_json, written_whole
from starbench.machine.startup import importing
from starbench.measures import MEASURES
from starbench.run.models import Model, models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.mteb_names import MAIN, TaskName, measure_name, task_names
from starbench.stages.report.scores import read_scores
from starbench.store.scores import TASK_RESULTS
from starbench.tracks import TRACKS

with importing():
    from mteb.cache import ResultCache
    from mteb.models.model_meta import ModelMeta
    from mteb.results import TaskResult

ORGANISATION = "starbench"
"""What is before the slash in the name of every model of a run."""

META = "model_meta.json"
LANGUAGES = ["eng-Latn"]


class Cell(NamedTuple):
    """One system at one size with one seed."""

    track: str
    system: str
    seed: int
    size: Size


def export_results(config: Config, paths: RunPaths, folder: Path) -> list[Path]:
    """Write the scores of a run into a folder that MTEB's `ResultCache` reads; return the files.

    A file is ``results/starbench__<model>/seed-<seed>/experiments/<size>/<task>.json``; beside it
    lies ``model_meta.json`` with the size as `experiment_kwargs`. The model's name has the size,
    too: MTEB's tables put together what has one name. What has no size, as BM25, is left out.

    Args:
        config: the run's config.
        paths: where its scores are.
        folder: the `cache_path` of a `ResultCache`; files of other models stay.

    Raises:
        InputError: scores that are missing or damaged, or a folder that is none.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--export {folder}: that is a file, not a folder")
    scores = read_scores(paths.all_scores, config)
    names = task_names(config, list(scores["dataset"].unique()), _commits(paths))
    version = _version(paths)
    cache = ResultCache(folder)
    written = []
    for cell, dataset, values in _by_task(scores):
        result = _stored(config, paths, cell, dataset)
        if result is None:
            result = _result(config, cell, dataset, names[dataset], values, version)
        meta = model_meta(config, cell)
        path = cache.get_task_result_path(result.task_name, meta)
        _write(path, result, meta)
        written.append(path)
    return written


def model_meta(config: Config, cell: Cell) -> ModelMeta:
    """Return MTEB's description of a system at a size."""
    backbone = config.backbones[config.systems[cell.system].backbone]
    return ModelMeta.create_empty(
        {
            "name": f"{ORGANISATION}/{_model_name(config, cell)}",
            "revision": f"seed-{cell.seed}",
            "embed_dim": cell.size.dim,
            "experiment_kwargs": {"embed_dim": cell.size.dim, "n_layers": cell.size.layers},
            "adapted_from": backbone.checkpoint.name if backbone.checkpoint else None,
        }
    )


def _model_name(config: Config, cell: Cell) -> str:
    """Return the name of a model: a system that is trained is another model on each track."""
    trained = _model_of(config, cell).objective.trains
    track = f"-{cell.track}" if trained and len(config.tracks) > 1 else ""
    return f"{config.run}-{cell.system}{track}-{cell.size}"


def _model_of(config: Config, cell: Cell) -> Model:
    for model in models_of(config, cell.track):
        if (cell.system, cell.size) in model.scored():
            return model
    raise InputError(f"the config scores no system '{cell.system}' at {cell.size}")


def _by_task(scores: pd.DataFrame) -> Iterator[tuple[Cell, str, dict[str, float]]]:
    """Yield each cell with each of its datasets and its measures of it."""
    of_sizes = scores[scores["layers"] > 0]
    keys = ["track", "system", "seed", "layers", "dim", "dataset"]
    for (track, system, seed, layers, dim, dataset), rows in of_sizes.groupby(keys, sort=False):
        cell = Cell(track, system, int(seed), Size(int(layers), int(dim)))
        yield cell, dataset, dict(zip(rows["metric"], rows["value"].astype(float), strict=True))


def _stored(config: Config, paths: RunPaths, cell: Cell, dataset: str) -> TaskResult | None:
    """Return the result that MTEB's own evaluation left beside the scores; None without one."""
    model = _model_of(config, cell)
    seed = cell.seed if cell.seed in model.seeds else model.seeds[0]
    folder = paths.scores(cell.track, model.name, seed) / dataset
    path = folder / TASK_RESULTS / f"{cell.size}.json"
    return TaskResult.from_disk(path) if path.is_file() else None


def _result(
    config: Config,
    cell: Cell,
    dataset: str,
    task: TaskName,
    values: Mapping[str, float],
    version: str | None,
) -> TaskResult:
    shown = TRACKS[cell.track].metric(config.datasets[dataset])
    scores: dict[str, Any] = {
        measure_name(metric): value for metric, value in values.items() if math.isfinite(value)
    }
    return TaskResult(
        dataset_revision=task.revision,
        task_name=task.name,
        mteb_version=version if _of_mteb(values) else None,
        scores={
            task.split: [
                {
                    MAIN: values.get(shown, math.nan),
                    **scores,
                    "hf_subset": "default",
                    "languages": LANGUAGES,
                }
            ]
        },
        evaluation_time=None,
    )


def _of_mteb(metrics: Iterable[str]) -> bool:
    """Whether MTEB's code computed all of some measures."""
    return all(m in MEASURES and MEASURES[m].provider == "mteb" for m in metrics)


def _write(path: Path, result: TaskResult, meta: ModelMeta) -> None:
    with written_whole(path) as temporary:
        result.to_disk(temporary)
    write_json(path.with_name(META), json.loads(json.dumps(meta.to_dict(), default=str)))


def _commits(paths: RunPaths) -> dict[str, str]:
    """Return {dataset: commit of the hub} of what a finished run was made from."""
    fetched = _manifest(paths).get("fetched", {})
    commits = {name: facts.get("commits", {}).get("revision") for name, facts in fetched.items()}
    return {
        name.removeprefix("data/"): commit
        for name, commit in commits.items()
        if commit and name.startswith("data/")
    }


def _version(paths: RunPaths) -> str | None:
    version: str | None = _manifest(paths).get("versions", {}).get("mteb")
    return version


def _manifest(paths: RunPaths) -> dict[str, Any]:
    """Return the manifest of a run, empty before it has one."""
    path = paths.root / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no mapping of keys: make the run's report again")
    return found
