"""Scores and costs are joined size by size, and fronts are what no other option beats."""

import numpy as np
import pandas as pd
import pytest

from starbench.errors import InputError
from starbench.sizes import Size, grid_of
from starbench.stages.report.costs import read_costs
from starbench.stages.report.options import front, options_of, qualities
from starbench.stages.report.scores import read_scores
from starbench.store.costs import CostRow, write_costs
from tests.unit.stages.report import measured
from tests.unit.stages.report.scored import TASKS, sts_group, value_of


def by_loops(quality, cost):
    """Return the front by comparing every option with every other one."""
    known = [not np.isnan(q) and not np.isnan(c) for q, c in zip(quality, cost, strict=True)]
    found = []
    for one in range(len(quality)):
        beaten = any(
            known[other]
            and quality[other] >= quality[one]
            and cost[other] <= cost[one]
            and (quality[other] > quality[one] or cost[other] < cost[one])
            for other in range(len(quality))
        )
        found.append(known[one] and not beaten)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_front_is_what_comparing_all_pairs_gives(seed):
    draw = np.random.default_rng(seed)
    quality, cost = draw.integers(0, 6, (2, 40)).astype(float)
    quality[draw.integers(0, 40, 3)] = np.nan
    cost[draw.integers(0, 40, 3)] = np.nan
    assert front(quality, cost).tolist() == by_loops(quality, cost)


@pytest.fixture
def joined(written):
    def join(**changes):
        config, paths = written()
        measured.write(config, paths, **changes)
        scores, costs = read_scores(paths.all_scores, config), read_costs(paths.all_costs, config)
        return config, scores, costs

    return join


def test_every_scored_size_has_its_average_and_its_costs(joined):
    config, scores, costs = joined()
    found = options_of(scores, costs, {("tiny-srl", 2, 8): 0.01}, config, sts_group(config))
    cells = {"tiny-srl": grid_of(config.trained_sizes), "tiny-sep": config.trained_sizes}
    assert len(found) == sum(map(len, cells.values()))
    for option in found.to_dict("records"):
        system, size = option["system"], Size(option["layers"], option["dim"])
        assert size in cells[system]
        values = [value_of(system, seed, size, task) for task in TASKS for seed in (1, 2)]
        assert option["quality"] == pytest.approx(np.mean(values))
        assert option["latency"] == pytest.approx(measured.latency_of(size.layers, "onnx"))
        assert option["latency_high"] == pytest.approx(1.2 * option["latency"])
        assert (option["runtime"], option["device"]) == ("onnx", measured.DEVICE)
        assert option["index_bytes"] == 4e6 * size.dim
        assert option["multiply_adds"] == 1e6 * size.layers
        known = (system, size) == ("tiny-srl", Size(2, 8))
        half = 1.96 * 0.01 if known else np.nan
        assert option["high"] - option["quality"] == pytest.approx(half, nan_ok=True)


def test_search_is_part_of_the_work_of_a_query(joined, tmp_path):
    config, scores, _ = joined()
    base = {"system": "tiny-srl", "seed": 1, "track": "sts", "dataset": "test"}
    rows = [
        CostRow(**base, cost="multiply_adds", value=70.0, layers=2, part="queries"),
        CostRow(**base, cost="multiply_adds", value=999.0, layers=2, part="passages"),
        CostRow(**base, cost="search_multiply_adds", value=500.0, dim=8, part="passages"),
    ]
    write_costs(tmp_path / "made.csv", rows)
    costs = read_costs(tmp_path / "made.csv", config)
    found = options_of(scores, costs, {}, config, sts_group(config))
    chosen = found[(found["layers"] == 2) & (found["dim"] == 8) & (found["system"] == "tiny-srl")]
    assert chosen["multiply_adds"].tolist() == [570.0]
    assert found["latency"].isna().all()
    assert not found["latency_front"].any()


def test_bits_that_are_scored_are_options_of_their_own(joined):
    config, scores, costs = joined()
    less = scores.assign(value=scores["value"] - 0.05, bits="int8")
    both = pd.concat([scores.assign(bits="float32"), less], ignore_index=True)
    found = options_of(both, costs, {}, config, sts_group(config))
    eight, whole = (found[found["bits"] == bits].reset_index() for bits in (8, 32))
    assert np.allclose(whole["quality"] - eight["quality"], 0.05)
    assert (whole["index_bytes"] == 4 * eight["index_bytes"]).all()
    assert found["index_front"].sum() > 0
    assert qualities(scores, config, sts_group(config))["bits"].unique().tolist() == [32]


def test_what_was_timed_on_another_device_is_left_out(joined):
    config, scores, costs = joined(runtimes=("torch",))
    other = costs[costs["cost"] == "latency_p50"].head(1).assign(device=measured.OTHER, value=1e-9)
    costs = pd.concat([costs, other], ignore_index=True)
    found = options_of(scores, costs, {}, config, sts_group(config))
    assert set(found["device"]) == {measured.DEVICE}
    assert found["latency"].min() == measured.latency_of(1, "torch")


def test_a_system_that_was_not_measured_has_no_costs_and_is_on_no_front(joined):
    config, scores, costs = joined(systems=["tiny-sep"])
    found = options_of(scores, costs, {}, config, sts_group(config))
    other = found[found["system"] == "tiny-srl"]
    assert other[["latency", "index_bytes", "multiply_adds"]].isna().all(axis=None)
    assert not other[["latency_front", "index_front", "work_front"]].any(axis=None)


WRONG = [
    ("tiny-srl", "tiny-sr", r":2: no system 'tiny-sr' \(did you mean 'tiny-srl'\?\)"),
    ("multiply-adds", "s", r":2: unit 's' of multiply_adds, which is in multiply-adds"),
    (",1000000.0,", ",fast,", r":2: value 'fast' is not a number from 0"),
    (",1000000.0,", ",,", r":2: value '' is not a number from 0"),
    (",1000000.0,", ",-1,", r":2: value '-1' is not a number from 0"),
    ("multiply_adds", "work", r":2: no cost 'work'"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), WRONG)
def test_a_damaged_file_of_costs_is_named_by_its_line(written, right, wrong, message):
    config, paths = written()
    measured.write(config, paths)
    lines = paths.all_costs.read_text().split("\n")
    assert right in lines[1]
    lines[1] = lines[1].replace(right, wrong, 1)
    paths.all_costs.write_text("\n".join(lines))
    with pytest.raises(InputError, match=message):
        read_costs(paths.all_costs, config)
