"""What choices are made on holds nothing that is scored: counted with a simpler comparison."""

import os
from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("STARBENCH_DATA" not in os.environ, reason="STARBENCH_DATA is not set"),
]

CONFIG = Path(__file__).parents[2] / "config"
CONTAINED = 1_145
"""Validation pairs of STS-B that a scored set holds, whatever their order, case and punctuation."""


def pairs(rows) -> list[frozenset[str]]:
    return [
        frozenset({one.lower().strip(" ."), other.lower().strip(" .")})
        for one, other in zip(rows["sentence1"], rows["sentence2"], strict=True)
    ]


def test_no_pair_of_a_scored_set_is_left_in_the_selection_data(tmp_path):
    config = load_config(CONFIG / "scratch.yaml", CONFIG / "scratch" / "selection.yaml")
    scored = load_config(CONFIG / "scratch.yaml").tracks["sts"].scored
    assert set(config.datasets["stsb-dev"].without) == set(scored)
    assert not {"stsb-dev", "medquad-dev"} & set(load_config(CONFIG / "scratch.yaml").datasets)
    paths = RunPaths.of(config, tmp_path)
    for name in (*scored, "stsb-dev"):
        fetch_dataset(config, paths, name)
    kept = pairs(read_records(paths.dataset("stsb-dev")))
    held = {pair for name in scored for pair in pairs(read_records(paths.dataset(name)))}
    assert not held.intersection(kept)
    left_out = read_manifest(paths.dataset("stsb-dev"))["left_out"]
    assert left_out == CONTAINED
    assert left_out + len(kept) == 1_500
