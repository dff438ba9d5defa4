"""What is planned of measuring follows from the section `measure`."""

import pytest

from starbench.planning.devices import device_named
from starbench.planning.measuring import ONNX_S
from starbench.planning.plan import make_plan
from starbench.run.paths import RunPaths
from tests.unit.runs import tiny_config

DEVICE = device_named("laptop-core")
ARCHITECTURE = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32, "vocabulary": 64}
SCRATCH = {
    "architecture": ARCHITECTURE | {"max_positions": 512},
    "pretraining": {
        "objective": "mlm",
        "datasets": ["stories"],
        "batch_size": 4,
        "steps": 2,
        "learning_rate": 0.1,
        "max_length": 16,
    },
}


def planned(units=3, **measure):
    """Return the jobs of stage measure."""
    config = tiny_config(
        datasets={"stories": {"kind": "text", "source": "micro", "rows": 9}},
        backbones={"tiny": SCRATCH},
        **({"measure": measure["given"]} if measure else {}),
    )
    jobs = make_plan(config, RunPaths.of(config), DEVICE, units, {}).jobs
    return [job for job in jobs if job.stage == "measure"]


def seconds(**given):
    """Return the seconds of timing alone."""
    return planned(given=given)[0].cost.seconds - DEVICE.host.start_s["embed"]


def test_a_run_measures_one_model_and_collects_only_where_it_is_asked_to():
    assert planned() == []
    assert [job.rule for job in planned(given={})] == ["measure_model", "collect_costs"]


def test_a_measuring_job_holds_every_core():
    assert planned(units=3, given={})[0].cost.units == 3
    assert planned(units=8, given={"threads": 1})[0].cost.units == 8


def test_time_grows_with_the_rounds_and_the_runtimes():
    base = {"rounds": 5, "texts": 20, "batch_sizes": [4], "runtimes": ["torch"]}
    # A round before those that count is made, too.
    assert seconds(**base | {"rounds": 11}) == pytest.approx(2 * seconds(**base))
    assert seconds(**base | {"runtimes": []}) == 0
    graphs = 3 * ONNX_S  # of 1, 2 and 4 layers
    both = seconds(**base | {"runtimes": ["torch", "onnx"]})
    assert both == pytest.approx(2 * seconds(**base) + graphs)
