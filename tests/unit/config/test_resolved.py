"""A system's settings on a track: its own where it says so, else the track's."""

import pytest

from starbench.config.reading import parse_config
from starbench.config.resolved import backbone_of, backbones_of
from starbench.errors import InputError
from tests.unit.runs import tiny_value

BACKBONES = {
    "one": {"checkpoint": {"name": "nowhere/one"}},
    "two": {"checkpoint": {"name": "nowhere/two"}},
}


def value(**override):
    system = {"backbone": "one", "objective": "srl", "overrides": {"sts": override}}
    return tiny_value(backbones=BACKBONES, systems={"tiny-srl": system})


def test_a_track_can_have_a_backbone_of_its_own():
    config = parse_config(value(backbone="two"))
    assert backbone_of(config, "tiny-srl", "sts") == "two"
    assert backbones_of(config, "tiny-srl") == ["two"]


def test_a_track_without_one_has_that_of_the_system():
    config = parse_config(value())
    assert backbone_of(config, "tiny-srl", "sts") == "one"


def test_a_backbone_that_does_not_exist_is_an_error_with_the_nearest_name():
    with pytest.raises(InputError, match=r"no backbone 'tow'.*two"):
        parse_config(value(backbone="tow"))
