"""A run's jobs follow from its config."""

from pathlib import Path

import yaml

from starbench.config.reading import parse_config
from starbench.run.jobs import used_backbones

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"


def two_tracks(**changes):
    return parse_config(yaml.safe_load(TINY.read_text(encoding="utf-8")) | changes)


def test_a_backbone_that_only_one_track_uses_is_used():
    overrides = {"retrieval": {"backbone": "base-smae"}}
    system = {"backbone": "base", "objective": "untouched", "overrides": overrides}
    assert used_backbones(two_tracks(systems={"base": system})) == ["base", "base-smae"]


def test_a_backbone_that_every_track_replaces_is_not_used():
    backbones = {
        "one": {"checkpoint": {"name": "nowhere/one"}},
        "two": {"checkpoint": {"name": "nowhere/two"}},
    }
    overrides = {track: {"backbone": "two"} for track in ("sts", "retrieval")}
    system = {"backbone": "one", "objective": "untouched", "overrides": overrides}
    assert used_backbones(two_tracks(backbones=backbones, systems={"a": system})) == ["two"]
