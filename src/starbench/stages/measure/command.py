"""The command `starbench measure`."""

from __future__ import annotations

import argparse
import os

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.gpus import take_gpus
from starbench.run.costs import measured_seed, measuring_of
from starbench.run.models import model_named
from starbench.run.paths import RunPaths


def measure_command(config: Config, paths: RunPaths, options: argparse.Namespace) -> None:
    """Measure a model, or collect what was measured; the options are those of the command line.

    Raises InputError for a seed that is not measured, and as the stage's functions do.
    """
    if options.what == "collect":
        from starbench.stages.measure.run import collect_costs

        collect_costs(config, paths)
        return
    model = model_named(config, options.track, options.model)
    if options.seed != measured_seed(model):
        raise InputError(
            f"no cost depends on the seed: model '{model.name}' is measured with "
            f"{measured_seed(model)}"
        )
    # As many threads as the config says: the job takes all cores only to keep others off them.
    os.environ["OMP_NUM_THREADS"] = str(measuring_of(config).threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    take_gpus(1)
    from starbench.stages.measure.run import measure_model

    print(measure_model(config, paths, options.track, options.model, options.seed))
