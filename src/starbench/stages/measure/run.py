"""Running the measuring of one model: every number of layers and dims, on the machine at hand."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.files import written_whole
from starbench.machine.gpus import torch_device
from starbench.machine.hardware import hardware
from starbench.machine.lock import only_one_in
from starbench.machine.startup import importing
from starbench.run import versions
from starbench.run.backbones import opened_model
from starbench.run.costs import (
    measure_slice,
    measured_models,
    measured_seed,
    measuring_of,
    searched_sets,
    timed_sets,
)
from starbench.run.models import Model, model_named
from starbench.run.paths import RunPaths
from starbench.store.artifacts import opened
from starbench.store.collected import collect
from starbench.store.costs import COST_COLUMNS, COSTS, write_costs
from starbench.store.manifest import Stage

log = logging.getLogger(__name__)


def measure_model(config: Config, paths: RunPaths, track: str, name: str, seed: int) -> Path:
    """Measure what every size of a model costs on this machine, and return the folder.

    Writes ``costs.csv`` and, last, ``manifest.json``. What was measured on a machine with the same
    processor and GPU is left alone; on another one it is measured again.

    Raises InputError for a model that is not trained or too small, data that are not fetched or
    have no texts, or embeddings that are missing.
    """
    model = model_named(config, track, name)
    folder, source = paths.costs(track, name, seed), paths.model(track, name, seed)
    datasets = dict.fromkeys(texts.dataset for texts in timed_sets(config, track))
    with importing():
        from starbench.stages.measure.measuring import measure
    found = hardware()
    part = measure_slice(config, model)
    part |= {"seed": seed, "processor": found["processor"], "gpus": found["gpus"][:1]}
    inputs = [source, *map(paths.dataset, datasets), *_embedded(config, paths, model, seed)]
    stage = Stage("measure", versions.MEASURE, part, inputs)
    with only_one_in(folder, "measuring"):
        if stage.is_done(folder):
            log.info("%s: already measured", folder)
            return folder
        opened_model(source)
        rows, without = measure(config, paths, model, seed, torch_device())
        with written_whole(folder) as temporary:
            temporary.mkdir(parents=True)
            write_costs(temporary / COSTS, rows)
            shutil.rmtree(folder, ignore_errors=True)
            stage.finish(
                temporary,
                [COSTS],
                timed_on=sorted({row.device for row in rows} - {""}),
                timed_with=sorted({row.library for row in rows} - {""}),
                measured_threads=measuring_of(config).threads,
                not_measured=without,
            )
    return folder


def _embedded(config: Config, paths: RunPaths, model: Model, seed: int) -> list[Path]:
    root = paths.embeddings(model.track, model.name, seed)
    return [root / texts.folder for texts in searched_sets(config, model.track)]


def collect_costs(config: Config, paths: RunPaths) -> None:
    """Put the costs of all measured models into ``costs.csv``, with its checksum.

    Raises InputError for a config that measures nothing, or a model that is not measured yet.
    """
    models = measured_models(config)
    if not models:
        raise InputError("the config measures nothing: it has no section `measure`")
    folders = [paths.costs(model.track, model.name, measured_seed(model)) for model in models]
    for folder in folders:
        opened(folder, "measure", [COSTS])
    collect(paths.all_costs, [folder / COSTS for folder in folders], COST_COLUMNS)
