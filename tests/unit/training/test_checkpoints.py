"""A checkpoint is resumed from only if it is whole; otherwise the one before is."""

import json
import logging
import shutil

import pytest
import torch
from transformers import TrainerCallback

from starbench.machine.files import sha256_of
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune import run
from starbench.stages.finetune.run import finetune_model
from starbench.store.manifest import read_manifest
from starbench.training.checkpoints import HASHES, damage, last_checkpoint
from tests.unit.runs import tiny_config

PARTS = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors", "trainer_state.json"]
MODEL = ("sts", "tiny-srl", 1)


class StopAt(TrainerCallback):
    """Ends the process's work in the middle of a training, as a kill would."""

    def on_step_end(self, args, state, control, **_):
        if state.global_step == 7:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, tiny_checkpoint):
    """A training that was stopped at step 7 of 10, with its weights had it gone on."""
    root = tmp_path_factory.mktemp("stopped")
    config = tiny_config(backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}})
    paths = RunPaths.of(config, root)
    fetch_dataset(config, paths, "train")
    fetch_checkpoint(config, paths, "tiny")
    folder = paths.model(*MODEL)
    finetune_model(config, paths, *MODEL)
    straight = sha256_of(folder / "model/model.safetensors")
    shutil.rmtree(folder)
    trainer = run.FinetuningTrainer
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(
            run,
            "FinetuningTrainer",
            lambda **given: trainer(**given | {"callbacks": [*given["callbacks"], StopAt()]}),
        )
        finetune_model(config, paths, *MODEL)
    return config, root, straight


@pytest.fixture
def copied(stopped, tmp_path):
    """A copy of that training: (config, paths, its folder, its weights had it gone on)."""
    config, root, straight = stopped
    shutil.copytree(root, tmp_path / "results")
    paths = RunPaths.of(config, tmp_path / "results")
    return config, paths, paths.model(*MODEL), straight


def spoil(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    if how == "missing":
        path.unlink()
        return
    path.write_bytes(
        {
            "cut": content[:middle],
            "empty": b"",
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "{}": b"{}",
        }[how]
    )


def identity_of(folder):
    return (folder / "checkpoints/identity").read_text()


def newest(folder):
    (found,) = folder.glob("checkpoints/checkpoint-6")
    return found


def test_every_file_of_a_checkpoint_has_its_hash(copied):
    _, _, folder, _ = copied
    hashes = json.loads((newest(folder) / HASHES).read_text())
    files = {path.name: path for path in newest(folder).iterdir() if path.name != HASHES}
    assert {name for name in hashes if "/" not in name} == {
        name for name, path in files.items() if path.is_file()
    }
    assert {*PARTS} <= hashes.keys()
    assert all(sha256_of(newest(folder) / name) == sha256 for name, sha256 in hashes.items())
    assert last_checkpoint(folder, identity_of(folder)) == str(newest(folder))


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "flipped", "{}"])
@pytest.mark.parametrize("part", PARTS)
def test_of_a_damaged_checkpoint_the_one_before_is_taken_and_the_log_says_so(
    copied, caplog, part, how
):
    _, _, folder, _ = copied
    identity = identity_of(folder)
    spoil(newest(folder) / part, how)
    with caplog.at_level(logging.WARNING):
        assert last_checkpoint(folder, identity).endswith("checkpoint-4")
    (line,) = caplog.messages
    assert "checkpoint-6 is not whole (" in line
    assert part in line
    assert line.endswith("removing it and going back to checkpoint-4")
    assert not folder.joinpath("checkpoints/checkpoint-6").exists()


@pytest.mark.parametrize("how", ["missing", "cut", "empty"])
@pytest.mark.parametrize("part", PARTS)
def test_a_checkpoint_without_hashes_is_judged_by_its_form(copied, part, how):
    _, _, folder, _ = copied
    (newest(folder) / HASHES).unlink()
    assert damage(newest(folder)) is None
    spoil(newest(folder) / part, how)
    assert last_checkpoint(folder, identity_of(folder)).endswith("checkpoint-4")


def test_flipped_bytes_of_an_optimizer_without_hashes_are_seen_by_its_own_checksums(copied):
    _, _, folder, _ = copied
    (newest(folder) / HASHES).unlink()
    spoil(newest(folder) / "optimizer.pt", "flipped")
    assert damage(newest(folder)) == "optimizer.pt is missing or damaged"


@pytest.mark.parametrize("how", ["cut", "empty", "flipped"])
def test_damaged_hashes_make_a_damaged_checkpoint(copied, how):
    _, _, folder, _ = copied
    spoil(newest(folder) / HASHES, how)
    assert last_checkpoint(folder, identity_of(folder)).endswith("checkpoint-4")


def test_without_a_whole_checkpoint_training_starts_from_the_beginning_and_says_so(copied, caplog):
    _, _, folder, _ = copied
    identity = identity_of(folder)
    for path in folder.glob("checkpoints/*/optimizer.pt"):
        path.unlink()
    with caplog.at_level(logging.WARNING):
        assert last_checkpoint(folder, identity) is None
    assert caplog.messages[-1].endswith("removing it and starting from the beginning")


def test_a_training_with_a_damaged_checkpoint_and_log_ends_with_the_weights_of_a_straight_one(
    copied,
):
    config, paths, folder, straight = copied
    (newest(folder) / "optimizer.pt").unlink()
    with (folder / "train_log.jsonl").open("a") as log:
        log.write('{"step": 6, "lo')
    finetune_model(config, paths, *MODEL)
    assert sha256_of(folder / "model/model.safetensors") == straight
    logged = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in logged if "loss" in entry] == [2, 4, 6, 8, 10]
    assert read_manifest(folder)["checks"]["files"] > 0


def test_a_file_that_only_the_optimizer_would_miss_is_not_passed_over(copied):
    """Transformers itself would go on with a new optimizer, and say nothing."""
    _, _, folder, _ = copied
    torch.load(newest(folder) / "optimizer.pt", weights_only=True)
    hashes = json.loads((newest(folder) / HASHES).read_text())
    del hashes["optimizer.pt"]
    (newest(folder) / "optimizer.pt").unlink()
    (newest(folder) / HASHES).write_text(json.dumps(hashes))
    assert damage(newest(folder)) == f"{HASHES} lists no optimizer.pt"
