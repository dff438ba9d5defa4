"""Checkpoints damaged at drawn places: a training goes on from a whole one, or says why not."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from starbench.machine.files import sha256_of
from tests.chaos.attempts import ENVIRONMENT, wait_until
from tests.chaos.damage import damaged
from tests.chaos.jobs import RUN, copy_without
from tests.chaos.moments import generator, repeat_with

TRAININGS = {
    "pretrain": ("backbones/smae/seed-42", ["pretrain", "--backbone", "smae"]),
    "finetune": (
        "models/sts/starbucks/seed-42",
        ["finetune", "--track", "sts", "--model", "starbucks"],
    ),
}
DAMAGES = 12
BOTH_DAMAGED = 3


def start(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["starbench", *command, "--seed", "42", "--config", "run.yaml", "--threads", "1"],
        cwd=folder,
        env=ENVIRONMENT,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def checkpoints(training: Path) -> list[Path]:
    """Return the whole checkpoints of a training, the newest first."""
    found = [path.parent for path in training.glob("checkpoints/*/hashes.json")]
    return sorted(found, key=lambda path: -int(path.name.split("-")[1]))


@pytest.fixture(scope="module", params=TRAININGS)
def stopped(request, reference, tmp_path_factory) -> tuple[Path, str, list[str]]:
    """A run whose training was killed after its second checkpoint: folder, product, command."""
    product, command = TRAININGS[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "run"
    copy_without(reference.folder, folder, f"{request.param}_{product.split('/')[0][:-1]}")
    training = folder / RUN / product
    running = start(folder, command)
    wait_until(
        lambda: len(checkpoints(training)) > 1 or running.poll() is not None, "no checkpoints"
    )
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert len(checkpoints(training)) == 2 and not (training / "manifest.json").exists()
    return folder, product, command


def resumed(stopped, folder: Path, draws: random.Random, count: int) -> tuple[str, str]:
    """Damage the newest checkpoints of a copy and go on: what was damaged, what was said."""
    source, product, command = stopped
    shutil.copytree(source, folder, symlinks=True)
    training = folder / RUN / product
    done = [damaged(draws, checkpoint) for checkpoint in checkpoints(training)[:count]]
    running = start(folder, command)
    said = running.communicate(timeout=300)[1]
    assert running.returncode == 0, f"{done}\n{said}"
    assert "Traceback" not in said
    return "; ".join(done), said


def weights(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in folder.rglob("*.safetensors")}


def test_a_training_goes_back_to_the_older_checkpoint_and_ends_with_the_same_weights(
    stopped, reference, record, tmp_path, request
):
    print(f"\n{repeat_with('older_checkpoint')}")
    folder, product, command = stopped
    newest, older = (path.name for path in checkpoints(folder / RUN / product))

    def check(number: int) -> None:
        draws = generator("checkpoint", command[0], number)
        copy = tmp_path / str(number)
        done, said = resumed(stopped, copy, draws, 1)
        print(f"{command[0]} {number}: {newest}/{done}")
        if done != "hashes.json removed":  # then the form of the others tells: it may be taken
            found = re.findall(r"checkpoint-\d+ is not whole \(.+\): removing it and (.+)", said)
            assert found == [f"going back to {older}"], f"{done}\n{said}"
            assert f"/{older}\n" in said, said
        assert weights(copy / RUN / product) == weights(reference.folder / RUN / product), done
        shutil.rmtree(copy)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, range(DAMAGES)))
    record.lines.append(f"{DAMAGES} damaged checkpoints ({command[0]}): the older one was taken")


def test_a_training_without_a_whole_checkpoint_says_so_and_starts_again(
    stopped, reference, record, tmp_path
):
    print(f"\n{repeat_with('without_a_whole_checkpoint')}")
    _, product, command = stopped

    def check(number: int) -> None:
        draws = generator("both checkpoints", command[0], number)
        copy = tmp_path / str(number)
        done, said = resumed(stopped, copy, draws, 2)
        print(f"{command[0]} {number}: {done}")
        if "hashes.json removed" not in done:
            assert said.count("is not whole") == 2, said
            assert "removing it and starting from the beginning" in said, said
            assert "resuming from" not in said
        assert weights(copy / RUN / product) == weights(reference.folder / RUN / product), done
        shutil.rmtree(copy)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, range(BOTH_DAMAGED)))
    record.lines.append(f"{BOTH_DAMAGED} trainings without a whole checkpoint: they said so")
