"""Texts longer than a backbone's positions are refused, wherever the config asks for them."""

import copy
from pathlib import Path

import pytest
import yaml

from starbench.config.lengths import asked_lengths
from starbench.config.reading import parse_config
from starbench.errors import InputError
from tests.unit.runs import tiny_config

DEMO = yaml.safe_load((Path(__file__).parents[3] / "config" / "demo.yaml").read_text())


@pytest.mark.parametrize("key", ["max_length", "query_max_length"])
def test_lengths_of_a_collection_are_held_against_an_architecture(key):
    value = copy.deepcopy(DEMO)
    name = value["tracks"]["retrieval"]["tasks"][0]
    value["datasets"][name][key] = 512
    with pytest.raises(InputError, match=rf"datasets\.{name}\.{key}: 512 tokens, but backbone"):
        parse_config(value)


def test_an_override_is_named_where_it_stands():
    value = copy.deepcopy(DEMO)
    name = next(iter(value["systems"]))
    value["systems"][name]["overrides"] = {"sts": {"finetuning": {"max_length": 512}}}
    message = rf"systems\.{name}\.overrides\.sts\.finetuning\.max_length: 512 tokens"
    with pytest.raises(InputError, match=message):
        parse_config(value)


def test_lengths_are_asked_of_the_backbone_that_a_track_uses():
    config = tiny_config(
        backbones={
            "tiny": {"checkpoint": {"name": "nowhere/tiny"}},
            "other": {"checkpoint": {"name": "nowhere/other"}},
        },
        systems={
            "tiny-srl": {
                "backbone": "tiny",
                "objective": "srl",
                "overrides": {"sts": {"backbone": "other", "finetuning": {"max_length": 99}}},
            }
        },
    )
    assert not list(asked_lengths(config, "tiny"))
    key = ("systems", "tiny-srl", "overrides", "sts", "finetuning", "max_length")
    assert list(asked_lengths(config, "other")) == [(key, 99)]
