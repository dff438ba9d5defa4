"""Checkpoints damaged at drawn places: a training goes on from a whole one, or says why not."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from starbench.machine.files import sha256_of
from tests.chaos.attempts import ENVIRONMENT, wait_until
from tests.chaos.damage import damaged
from tests.chaos.jobs import RUN, copy_without
from tests.chaos.moments import generator, repeat_with
from tests.workflow.tiny_run import starbench

TRAININGS = {
    "pretrain_backbone": ("backbones/smae/seed-42", ["pretrain", "--backbone", "smae"]),
    "finetune_model": (
        "models/sts/starbucks/seed-42",
        ["finetune", "--track", "sts", "--model", "starbucks"],
    ),
}
DAMAGES = 12
ALL_DAMAGED = 4
MAY_BE_TAKEN = ("hashes.json removed", "hashes.json changed")
"""Without its hashes a checkpoint is judged by its form; a changed white space changes none."""


def checkpoints(training: Path) -> list[Path]:
    """Return the whole checkpoints of a training, the newest first."""
    found = [path.parent for path in training.glob("checkpoints/*/hashes.json")]
    return sorted(found, key=lambda path: -int(path.name.split("-")[1]))


@pytest.fixture(scope="module", params=TRAININGS)
def stopped(request, reference, tmp_path_factory) -> tuple[Path, str, list[str]]:
    """A run whose training was killed after its second checkpoint: folder, product, command."""
    product, command = TRAININGS[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "run"
    copy_without(reference.folder, folder, request.param)
    training = folder / RUN / product
    running = subprocess.Popen(
        ["starbench", *command, "--seed", "42", "--config", "run.yaml"],
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        lambda: len(checkpoints(training)) > 1 or running.poll() is not None, "no checkpoints"
    )
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert len(checkpoints(training)) > 1 and not (training / "manifest.json").exists()
    return folder, product, command


def copy_of(stopped, tmp_path: Path) -> tuple[Path, list[Path]]:
    """Return a copy of the killed training and its checkpoints, the newest first."""
    folder, product, _ = stopped
    shutil.copytree(folder, tmp_path / "run", symlinks=True)
    training = tmp_path / "run" / RUN / product
    return training, checkpoints(training)


def resumed(stopped, tmp_path: Path, capsys) -> str:
    """Go on with a copy and return what is said; the libraries are imported once for all."""
    capsys.readouterr()
    status = starbench(tmp_path / "run", *stopped[2], "--seed", "42")
    said = capsys.readouterr().err
    assert status == 0, said
    assert "Traceback" not in said
    return said


def weights(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in folder.rglob("*.safetensors")}


@pytest.mark.parametrize("number", range(DAMAGES))
def test_a_training_goes_back_to_the_older_checkpoint_and_ends_the_same(
    stopped, reference, record, tmp_path, capsys, number
):
    product, command = stopped[1:]
    training, (newest, older, *_) = copy_of(stopped, tmp_path)
    done = damaged(generator("checkpoint", command[0], number), newest)
    said = resumed(stopped, tmp_path, capsys)
    with capsys.disabled():
        print(f"\n{repeat_with(f'older_checkpoint and {number}')}\n{newest.name}/{done}")
    if not done.startswith(MAY_BE_TAKEN):
        found = re.findall(r"checkpoint-\d+ is not whole \(.+\): removing it and (.+)", said)
        assert found == [f"going back to {older.name}"], f"{done}\n{said}"
        assert f"resuming from {older}\n" in said, said
    assert weights(training) == weights(reference.folder / RUN / product), done
    record.counts[f"{command[0]}: the newest checkpoint damaged, the older one taken"] += 1


@pytest.mark.parametrize("number", range(ALL_DAMAGED))
def test_a_training_without_a_whole_checkpoint_says_so_and_starts_again(
    stopped, reference, record, tmp_path, capsys, number
):
    product, command = stopped[1:]
    training, found = copy_of(stopped, tmp_path)
    draws = generator("all checkpoints", command[0], number)
    done = [damaged(draws, checkpoint) for checkpoint in found]
    said = resumed(stopped, tmp_path, capsys)
    with capsys.disabled():
        print(f"\n{repeat_with(f'without_a_whole and {number}')}\n{'; '.join(done)}")
    if not any(one.startswith(MAY_BE_TAKEN) for one in done):
        assert said.count("is not whole") == len(found), said
        assert "removing it and starting from the beginning" in said, said
        assert "resuming from" not in said
    assert weights(training) == weights(reference.folder / RUN / product), done
    record.counts[f"{command[0]}: all checkpoints damaged, started again"] += 1
