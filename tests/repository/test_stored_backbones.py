"""The backbones that the repository keeps are whole, and those that config/scratch.yaml makes."""

import os
import re
import subprocess
import sys
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


def test_the_commands_of_the_overlay_train_no_backbone_again(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/reference").symlink_to(ROOT / "results/reference")
    (tmp_path / "config").symlink_to(ROOT / "config")
    text = (ROOT / "config/scratch/stored.yaml").read_text(encoding="utf-8")
    copying = re.search(r"^# +(mkdir .*)$", text, re.MULTILINE)[1]
    run = re.search(r"^# +command +snakemake (.*)$", text, re.MULTILINE)[1]
    dry = f"--snakefile {ROOT}/Snakefile --cores 1 --dry-run --quiet host"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", f"{copying}; snakemake {dry} {run}"],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert re.search(r"^finetune_model +\d+$", shown, re.MULTILINE)
    assert "pretrain_backbone" not in shown
