"""Costs of the runs of `conftest`, whose every number is a formula."""

from starbench.config.measure import Measure
from starbench.run.models import all_models
from starbench.stages.measure.counting import index_bytes
from starbench.store.costs import CostRow, write_costs

DEVICE, OTHER = "Processor A", "Processor B"


def measuring(config, **changes):
    """Return the config of a run that measures."""
    return config.model_copy(update={"measure": Measure(**changes)})


def cells(config):
    """Return every size that a run scores."""
    return {size for model in all_models(config) for _, size in model.scored()}


def latency_of(layers, runtime):
    return layers * {"torch": 0.002, "onnx": 0.001, "onnx-int8": 0.0005}[runtime]


def rows(config, systems=None, runtimes=("torch", "onnx"), bits=(32, 8), datasets=("test",)):
    """Return what the sizes of some systems cost (all)."""
    for model in all_models(config):
        for system, size in model.scored():
            if systems is not None and system not in systems:
                continue
            base = {"system": system, "seed": config.seeds[0], "track": model.track}
            layers, dim = size.layers, size.dim
            for dataset in datasets:
                of = {"dataset": dataset, "part": "pairs", "texts": 5}
                yield CostRow(**base, cost="multiply_adds", value=1e6 * layers, layers=layers, **of)
                for runtime in runtimes:
                    value = latency_of(layers, runtime)
                    on = {"runtime": runtime, "device": DEVICE, "threads": 1, "library": "x 1"}
                    spread = {"low": 0.9 * value, "high": 1.2 * value}
                    yield CostRow(
                        **base, cost="latency_p50", value=value, layers=layers, **of, **on, **spread
                    )
            for each in bits:
                count = index_bytes(dim, each)
                yield CostRow(
                    **base, cost="index_bytes_per_million", value=count, dim=dim, bits=each
                )


def write(config, paths, **changes):
    """Write each row once, as a stage does."""
    write_costs(paths.all_costs, dict.fromkeys(rows(config, **changes)))
