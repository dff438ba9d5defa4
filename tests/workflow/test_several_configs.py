"""Several config files: Snakemake and the commands of this package see the same config."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from starbench.config.reading import load_config
from starbench.run.models import models_of

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}

OVER = """run: other
systems:
  base-2dmse: null
  starbucks: {display: Changed}
tracks:
  retrieval: {out_of_domain: []}
  sts: {finetuning: {steps: 7}}
"""


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    over = tmp_path / "over.yaml"
    over.write_text(OVER)
    return TINY, over


def dry_run(folder: Path, files: tuple[Path, ...], *more: str) -> subprocess.CompletedProcess[str]:
    words = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    words += ["--dry-run", "--quiet", "host", "--configfile", *map(str, files), *more]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_snakemake_merges_them_as_the_commands_do(tmp_path, files):
    done = dry_run(tmp_path, files)
    assert done.returncode == 0, done.stdout + done.stderr
    config = load_config(*files)
    assert list(config.systems) == ["base", "starbucks"]
    assert config.systems["starbucks"].backbone == "base-smae"
    trained = set(re.findall(r"output: results/other/models/(\S+)/manifest.json", done.stdout))
    models = [model for track in config.tracks for model in models_of(config, track)]
    assert trained == {f"{model.track}/{model.name}/seed-42" for model in models}
    # What the second file leaves out is not part of the run.
    assert "archive" not in done.stdout
    assert "base-2dmse" not in done.stdout


def test_a_mistake_in_the_second_file_is_named_there_by_both(tmp_path, files):
    files[1].write_text(OVER.replace("steps: 7", "stepz: 7"))
    for words in (
        ["starbench", "config", "--config", *map(str, files)],
        ["starbench", "plan", "--configfile", *map(str, files)],
        ["starbench", "doctor", "--configfile", *map(str, files)],
    ):
        done = subprocess.run(
            words, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, words
        assert f"{files[1]}:7: tracks.sts.finetuning.stepz: unknown key" in done.stderr
    done = dry_run(tmp_path, files)
    assert done.returncode == 1
    assert f"{files[1]}:7: tracks.sts.finetuning.stepz: unknown key" in done.stdout + done.stderr


def test_a_value_of_the_command_line_is_named_as_such(tmp_path, files):
    done = dry_run(tmp_path, files, "--config", "seeds=[1, 1]")
    assert "--config: seeds.1: seed 1 is listed twice" in done.stdout + done.stderr
