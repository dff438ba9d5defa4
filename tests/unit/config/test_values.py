"""No value in a config raises anything but an InputError, and none is taken for another."""

import copy
import datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from starbench.config.reading import load_config, parse_config
from starbench.config.values import as_yaml_float
from starbench.errors import InputError
from tests.unit.runs import tiny_value

DEMO = yaml.safe_load((Path(__file__).parents[3] / "config" / "demo.yaml").read_text("utf-8"))
CYCLE: list = []
CYCLE.append(CYCLE)
DEEP: list = []
for _ in range(5000):
    DEEP = [DEEP]


def changed(path: str, value: object) -> dict:
    """The tiny config with one key, named by its path, set."""
    config = copy.deepcopy(tiny_value())
    inner = config
    *parents, last = path.split(".")
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tracks.sts.finetuning.batch_size", "8", "needs an integer, got the text '8'"),
        ("tracks.sts.finetuning.batch_size", True, "needs an integer, got true"),
        ("tracks.sts.finetuning.batch_size", 8.5, "needs an integer, got the number 8.5"),
        ("tracks.sts.finetuning.batch_size", None, "needs an integer, got nothing (null)"),
        ("tracks.sts.finetuning.batch_size", 10**400, "an integer beyond 2**53 in size"),
        ("tracks.sts.finetuning.learning_rate", True, "needs a number, got true"),
        ("tracks.sts.finetuning.learning_rate", "1e-4", "takes 1e-4 for a text: write 1.0e-4"),
        ("tracks.sts.finetuning.learning_rate", "fast", "needs a number, got the text 'fast'"),
        ("tracks.sts.finetuning.learning_rate", float("inf"), "inf is not a finite number"),
        ("tracks.sts.finetuning.learning_rate", float("nan"), "nan is not a finite number"),
        ("tracks.sts.finetuning.gradient_checkpointing", "yes", "needs true or false, got the te"),
        ("tracks.sts.finetuning.gradient_checkpointing", 1, "needs true or false, got the num"),
        ("tracks.sts.finetuning", [1], "needs a mapping of keys, got a list"),
        ("title", False, "needs a text, got false: put a text in quotes"),
        ("title", 2024, "needs a text, got the number 2024: put a text in quotes"),
        ("title", datetime.date(2024, 1, 31), "is nothing that a config holds"),
        ("title", b"bytes", "is nothing that a config holds"),
        ("title", "\ud800", "title: the text holds U+D800, half a character"),
        ("title", "a\0b", "title: the text holds the control character U+0000"),
        ("title", "a\u202eb", "title: the text holds U+202E, which turns the direction"),
        ("seeds", [-1], "seeds.0: needs at least 0, got -1"),
        ("seeds", [2**32], "seeds.0: needs at most 4294967295, got 4294967296"),
        ("seeds", CYCLE, "nested deeper than 32 levels"),
        ("seeds", DEEP, "nested deeper than 32 levels"),
        ("seeds", list(range(30_000)), "more than 20000 values"),
        ("seeds", {1: 2}, "the key 1 is not text"),
        ("__use_yte__", True, "__use_yte__: a config is data"),
        ("tracks.sts.finetuning.__use_yte__", True, "__use_yte__: a config is data"),
    ],
)  # fmt: skip
def test_a_value_that_its_key_does_not_take_is_named_with_its_key(path, value, message):
    with pytest.raises(InputError) as caught:
        parse_config(changed(path, value))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("funnel", "message"),
    [
        ([], "at least 1 item"),
        ([10, 0], "search.adaptive.funnel.1: needs at least 1, got"),
        ([-5], "search.adaptive.funnel.0: needs at least 1, got"),
        ([10, 20], "search.adaptive.funnel: a step cannot pass on 20 of 10 passages"),
    ],
)
def test_a_funnel_passes_on_something_and_never_more_than_it_was_given(funnel, message):
    value = copy.deepcopy(DEMO)
    value["tracks"]["retrieval"]["search"] = {"adaptive": {"funnel": funnel}}
    with pytest.raises(InputError) as caught:
        parse_config(value)
    assert message in str(caught.value)


@pytest.mark.parametrize("part", ["finetuning", "embedding"])
def test_texts_longer_than_the_positions_of_an_architecture_are_refused(part):
    value = copy.deepcopy(DEMO)
    section = value["tracks"]["sts"].setdefault(part, {})
    section["max_length"] = 512
    with pytest.raises(InputError, match=rf"tracks\.sts\.{part}\.max_length: 512 tokens, but back"):
        parse_config(value)


def test_windows_longer_than_the_positions_are_refused_in_pre_training_from_another_backbone():
    value = copy.deepcopy(DEMO)
    name = next(name for name, made in value["backbones"].items() if "start" in made)
    value["backbones"][name]["pretraining"]["max_length"] = 4096
    with pytest.raises(InputError, match=rf"backbones\.{name}\.pretraining\.max_length: 4096 tok"):
        parse_config(value)


@pytest.mark.parametrize("text", ["1e-4", "2E5", "-1.5e3", "+3e+2", ".5e1", "7.e2"])
def test_a_number_is_shown_as_yaml_reads_it(text):
    assert yaml.safe_load(str(as_yaml_float(text))) == float(text)


def test_the_largest_seed_is_one_that_numpy_takes():
    import numpy as np

    config = parse_config(changed("seeds", [2**32 - 1]))
    np.random.seed(config.seeds[0])
    with pytest.raises(ValueError, match="Seed must be between"):
        np.random.seed(config.seeds[0] + 1)


def places(value: object, at: tuple = ()) -> list[tuple]:
    """Every place in a config."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else []
    if isinstance(value, list):
        items = enumerate(value)
    return found + [place for key, inner in items for place in places(inner, (*at, key))]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(),
    st.binary(max_size=4),
    st.sampled_from(["8", "1e-4", "sts", "micro", "srl", "../..", "a/b", "-x", "smae", 0, -1, 2**63,
                     1e308, "collection", "{run}", "library", "base"]),
)  # fmt: skip
KEYS = st.one_of(st.text(max_size=5), st.integers(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.integers(), st.none()), inner, max_size=3
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_value_at_any_place_of_a_config_is_taken_or_refused_by_an_input_error(data):
    value = copy.deepcopy(DEMO)
    for _ in range(data.draw(st.integers(1, 2))):
        *parents, last = data.draw(st.sampled_from(places(value)))
        inner = value
        for key in parents:
            inner = inner[key]
        if data.draw(st.booleans()):
            inner[last] = data.draw(VALUES)
        elif isinstance(inner, list):
            inner.append(data.draw(VALUES))
        else:
            inner[data.draw(st.sampled_from([*inner, "x"]))] = inner.pop(last)
    try:
        parse_config(value)
    except InputError as error:
        assert "Traceback" not in str(error)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_value_at_all_is_refused_by_an_input_error(value):
    with pytest.raises(InputError):
        parse_config(value)


def test_a_number_with_an_exponent_but_no_point_is_named_by_its_line(tmp_path):
    text = (Path(__file__).parents[3] / "config" / "demo.yaml").read_text("utf-8")
    assert "learning_rate: 1.0e-3" in text
    path = tmp_path / "run.yaml"
    path.write_text(text.replace("learning_rate: 1.0e-3", "learning_rate: 1e-3", 1))
    line = text[: text.index("learning_rate: 1.0e-3")].count("\n") + 1
    with pytest.raises(InputError, match=rf"run\.yaml:{line}: .*: YAML takes 1e-3 for a text: wr"):
        load_config(path)
