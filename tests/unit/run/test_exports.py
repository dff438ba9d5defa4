"""Which sizes of which models a config or a command asks to export."""

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.exports import (
    asked_exports,
    asked_size,
    model_of_size,
    sizes_trained,
    wanted_exports,
)
from starbench.run.jobs import JobGraph
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from tests.unit.runs import tiny_value

SMALL, MIDDLE, FULL = Size(1, 4), Size(2, 8), Size(4, 16)
SYSTEMS = {
    "plain": {"backbone": "tiny", "objective": "single"},
    "each": {"backbone": "tiny", "objective": "separate"},
    "srl": {"backbone": "tiny", "objective": "srl"},
    "floor": {"backbone": "tiny", "objective": "untouched"},
}


def config_with(**changes):
    value = tiny_value(systems=SYSTEMS, seeds=[1, 2], **changes)
    value["sizes"][0]["name"] = "small"
    return parse_config(value)


def told(exports) -> list[tuple[str, int, str]]:
    return [(one.model.name, one.seed, str(one.size)) for one in exports]


@pytest.mark.parametrize("text", ["small", "1/4", "n1-d4"])
def test_a_size_is_asked_for_by_name_or_numbers(text):
    assert asked_size(config_with(), text) == SMALL


def test_a_size_that_no_run_has_is_a_size_all_the_same():
    assert asked_size(config_with(), "n3-d7") == Size(3, 7)


@pytest.mark.parametrize("text", ["smal", "n0-d4", "4", "n1-d4 ", "n1-d", "1/04", "n1-d9999999"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match=f"no size '{text}'"):
        asked_size(config_with(), text)


def test_a_size_with_a_model_of_its_own_is_cut_from_that():
    config = config_with()
    names = [model_of_size(config, "sts", "each", size).name for size in (SMALL, MIDDLE, FULL)]
    assert names == ["each-n1-d4", "each-n2-d8", "plain"]  # the full size is trained once for both
    with pytest.raises(InputError, match="has a model for each size, and none for n3-d8"):
        model_of_size(config, "sts", "each", Size(3, 8))
    assert model_of_size(config, "sts", "srl", Size(3, 8)).name == "srl"


def test_without_the_section_nothing_is_exported():
    assert wanted_exports(config_with()) == []


def test_the_section_alone_asks_for_the_compared_system_at_every_trained_size():
    found = told(wanted_exports(config_with(export={}, report={"compared_system": "srl"})))
    assert found == [("srl", 1, "n1-d4"), ("srl", 1, "n2-d8"), ("srl", 1, "n4-d16")]


def test_the_section_chooses_systems_sizes_and_seeds():
    asked = {"systems": ["srl", "each", "floor"], "sizes": ["small", "4/16"], "seeds": [2]}
    found = told(wanted_exports(config_with(export=asked)))
    assert found == [
        ("srl", 2, "n1-d4"), ("srl", 2, "n4-d16"), ("each-n1-d4", 2, "n1-d4"),
        ("plain", 2, "n4-d16"), ("floor", 1, "n1-d4"), ("floor", 1, "n4-d16"),
    ]  # fmt: skip


def test_a_command_with_a_seed_that_changes_nothing_is_refused():
    config = config_with()
    assert told(asked_exports(config, "floor", [SMALL], ["sts"], None)) == [("floor", 1, "n1-d4")]
    with pytest.raises(InputError, match="no seed changes model 'floor': it is made once, with 1"):
        asked_exports(config, "floor", [SMALL], ["sts"], 2)


def test_the_report_needs_no_export_and_each_export_its_model_and_data():
    config = config_with(export={"systems": ["each"]})
    graph = JobGraph(config, RunPaths.of(config))
    assert graph.needed_by("export_model") == []
    small, _, full = graph.exports
    assert str(small.outputs[0]) == (
        "results/tiny/exports/sts/each-n1-d4/seed-1/n1-d4/manifest.json"
    )
    assert [str(path) for path in full.inputs] == [
        "results/tiny/models/sts/plain/seed-1/manifest.json",
        "results/tiny/data/test/manifest.json",
        "results/tiny/scores.csv",
    ]


@pytest.mark.parametrize(
    ("objective", "sizes"),
    [
        ({"objective": "srl"}, [SMALL, MIDDLE, FULL]),
        ({"objective": "mrl"}, [Size(4, 4), Size(4, 8), FULL]),
        ({"objective": "single"}, [FULL]),
        ({"objective": "untouched"}, []),
        ({"objective": "2dmse"}, [Size(n, d) for n in (1, 2, 3, 4) for d in (4, 8, 16)]),
        ({"objective": "3d-ml"}, [Size(n, d) for n in (1, 2, 4) for d in (4, 8, 16)]),
        ({"objective": "asymmetric"}, [SMALL, MIDDLE, Size(4, 4), Size(4, 8), FULL]),
    ],
    ids=lambda value: value.get("objective", "") if isinstance(value, dict) else "",
)
def test_the_sizes_that_were_trained_are_those_with_a_loss(objective, sizes):
    config = parse_config(tiny_value(systems={"one": {"backbone": "tiny", **objective}}))
    (model,) = models_of(config, "sts")
    assert sizes_trained(model, FULL) == sizes


def test_a_model_of_one_size_that_is_trained_at_its_width_was_trained_there():
    (model, *_) = (m for m in models_of(config_with(), "sts") if m.system == "each")
    assert sizes_trained(model, Size(1, 16)) == [Size(1, 16)]
