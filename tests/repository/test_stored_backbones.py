"""The backbones that the repository keeps are whole, and those that config/scratch.yaml makes."""

from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.encoders.masked_lm import load_masked_lm
from starbench.run.slices import pretraining_slice
from starbench.store.artifacts import opened

ROOT = Path(__file__).parents[2]
STORED = sorted((ROOT / "results/reference/scratch/backbones").glob("*/seed-*"))


def test_backbones_are_stored():
    assert STORED


@pytest.mark.parametrize("folder", STORED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stored_backbone_is_one_that_the_config_makes(folder):
    config = load_config(ROOT / "config/scratch.yaml")
    manifest = opened(folder, "pretrain")
    seed = int(folder.name.removeprefix("seed-"))
    assert manifest["config"] == pretraining_slice(config, folder.parent.name, seed)
    masked_lm = load_masked_lm(folder)
    made = config.backbones["bert-short"].architecture
    assert masked_lm.config.num_hidden_layers == made.layers
    assert masked_lm.config.hidden_size == made.width
