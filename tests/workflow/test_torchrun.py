"""Two processes under torchrun train what one does: the same batches, losses and weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

TINY = Path(__file__).with_name("tiny.yaml")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
TORCHRUN = ["torchrun", "--standalone", "--nproc-per-node", "2", "--no-python"]
TOLERANCE = 2e-4
"""Of weights after the steps of tiny.yaml: sums in another order, through AdamW."""


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, check=check, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A folder with the data of the tiny run and its first backbone, without dropout."""
    folder = tmp_path_factory.mktemp("torchrun")
    value = yaml.safe_load(TINY.read_text())
    value["backbones"]["base"]["architecture"]["dropout"] = 0.0
    (folder / "run.yaml").write_text(yaml.safe_dump(value))
    for name in ("stories", "entailments", "questions"):
        run(folder, "starbench", "data", "--config", "run.yaml", "--dataset", name)
    run(folder, "starbench", "pretrain", "--config", "run.yaml", "--backbone", "base",
        "--seed", "42")  # fmt: skip
    return folder


def trained(folder: Path, product: str, *command: str) -> dict[str, dict[str, torch.Tensor]]:
    """Weights of a training by one process and by two, its folder removed in between."""
    found = {}
    for name, launcher in (("one", []), ("two", TORCHRUN)):
        run(folder, *launcher, "starbench", *command, "--config", "run.yaml", "--seed", "42")
        made = folder / "results/tiny" / product / "seed-42"
        (weights,) = made.rglob("model.safetensors")
        found[name] = load_file(weights)
        found[f"{name} log"] = [
            json.loads(line) for line in (made / "train_log.jsonl").read_text().splitlines()
        ]
        assert not (made / "checkpoints").exists()
        made.rename(folder / f"{name}-{product.replace('/', '-')}")
    return found


@pytest.mark.parametrize("track", ["sts", "retrieval"])
@pytest.mark.parametrize("model", ["base-2dmse"])
def test_fine_tuning_has_the_losses_and_weights_of_one_process(prepared, track, model):
    found = trained(
        prepared, f"models/{track}/{model}", "finetune", "--track", track, "--model", model
    )
    one, two = found["one"], found["two"]
    assert one.keys() == two.keys()
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, atol=TOLERANCE, rtol=0)
    losses = [
        [line["loss"] for line in found[f"{n} log"] if "loss" in line] for n in ("one", "two")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_pre_training_sees_the_same_examples_as_one_process(prepared):
    """Its loss is the mean of the processes' means, as in the published code: not quite equal."""
    found = trained(prepared, "backbones/base-smae", "pretrain", "--backbone", "base-smae")
    losses = [
        next(line["loss"] for line in found[f"{n} log"] if "loss" in line) for n in ("one", "two")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def test_a_batch_that_the_processes_cannot_share_is_refused(prepared):
    value = yaml.safe_load((prepared / "run.yaml").read_text())
    value["tracks"]["sts"]["finetuning"]["batch_size"] = 7
    (prepared / "odd.yaml").write_text(yaml.safe_dump(value))
    done = run(
        prepared, *TORCHRUN, "starbench", "finetune", "--config", "odd.yaml", "--track", "sts",
        "--model", "base-2dmse", "--seed", "42", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "batch_size 7 is not a multiple of accumulation 1 x 2 processes" in done.stderr
