"""Measuring a device: its parts, each for real; the whole takes minutes."""

import time
from typing import get_args

import pytest
import yaml

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.planning import calibrate
from starbench.planning.devices import Start, shipped
from starbench.planning.starting import CONFIG, JOBS, _run


def spin(seconds):
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass


def test_the_clock_counts_the_seconds_of_the_work_alone():
    clock = calibrate._Clock("cpu")
    assert clock.seconds(lambda: spin(0.02)) == pytest.approx(0.02, rel=0.1)
    assert clock.seconds(lambda: time.sleep(0.02), 1, 0.0) < 0.01


@pytest.mark.parametrize(
    ("measure", "key"),
    [
        (calibrate._token_rate, "tokens_per_s"),
        (calibrate._ranked_rate, "ranked_per_s"),
        (calibrate._resampled_rate, "resampled_per_s"),
    ],
)
def test_rates_of_a_core_are_of_the_order_that_ships(measure, key):
    shipped_rate = getattr(shipped()["xeon-core"].host, key)
    assert shipped_rate / 20 < measure() < shipped_rate * 20


def test_rates_of_encoders_are_of_the_order_that_ships():
    clock, device = calibrate._Clock("cpu"), shipped()["xeon-core"]
    call = calibrate._layer_call(clock)
    assert 1e-5 < call < 0.05
    for work in ("training", "embedding"):
        rate = calibrate._encoder_rate(clock, work, "fp32", 128, call)
        assert device.rate(work, "fp32", 128) / 20 < rate < device.rate(work, "fp32", 128) * 20
    assert 1e9 < calibrate._product_rate(clock, 128) < 1e13
    assert 1e7 < calibrate._update_rate(clock) < 1e11
    assert 1e7 < calibrate._score_rate(clock) < 1e12


def test_a_mean_of_structures_is_that_of_their_numbers():
    found = calibrate._mean([{"a": {1: 1.0}, "b": 2}, {"a": {1: 3.0}, "b": 4}])
    assert found == {"a": {1: 2.0}, "b": 3.0}


def test_the_run_that_measures_starts_is_valid_and_has_every_stage(tmp_path):
    parse_config(CONFIG)
    assert {stage for stage, _ in JOBS if stage} == set(get_args(Start))
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    seconds = _run(("data", "--dataset", "pairs"), path, tmp_path, True)
    assert 0.05 < seconds < 60
    with pytest.raises(InputError, match="starbench data failed: error: the config has no dataset"):
        _run(("data", "--dataset", "nothing"), path, tmp_path, True)
