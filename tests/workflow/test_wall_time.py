"""A training whose job's time is nearly over saves, fails, and goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

TINY = Path(__file__).with_name("tiny.yaml")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
STEPS = 300
TRAININGS = {
    "pretrain": ("backbones/base/seed-42", ["pretrain", "--backbone", "base"]),
    "finetune": (
        "models/sts/base-2dmse/seed-42",
        ["finetune", "--track", "sts", "--model", "base-2dmse"],
    ),
}


def starbench(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["starbench", *arguments, "--config", "run.yaml"], cwd=folder, env=ENVIRONMENT, check=True
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A folder with the data of the tiny run, whose trainings save no checkpoint by themselves."""
    folder = tmp_path_factory.mktemp("time")
    value = yaml.safe_load(TINY.read_text())
    often = {"steps": STEPS, "checkpoint_every": 10 * STEPS, "log_every": 1}
    value["backbones"]["base"]["pretraining"] |= often
    value["tracks"]["sts"]["finetuning"] |= often
    (folder / "run.yaml").write_text(yaml.safe_dump(value))
    for name in ("stories", "entailments"):
        starbench(folder, "data", "--dataset", name)
    starbench(folder, "pretrain", "--backbone", "base", "--seed", "42")
    starbench(folder, "finetune", "--track", "sts", "--model", "base-2dmse", "--seed", "42")
    return folder


def weights(made: Path) -> bytes:
    (path,) = made.rglob("model.safetensors")
    return path.read_bytes()


@pytest.fixture(autouse=True)
def listening_to_hangup():
    """Give children SIGHUP as it is by default: the tests may run below nohup, which ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["starbench", *command, "--config", "run.yaml", "--seed", "42"],
        cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_steps(made: Path, running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    log = made / "train_log.jsonl"
    while not log.is_file() or log.read_text().count("\n") < 5:
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.02)


def stopped_at(made: Path) -> int:
    (checkpoint,) = made.glob("checkpoints/checkpoint-*")
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    assert 5 <= state["global_step"] < STEPS
    return state["global_step"]


@pytest.mark.parametrize(
    ("training", "number", "reason"),
    [
        ("pretrain", signal.SIGURG, "the job's time is nearly over"),
        ("finetune", signal.SIGURG, "the job's time is nearly over"),
        ("pretrain", signal.SIGTERM, "told to end (SIGTERM)"),
        ("finetune", signal.SIGHUP, "told to end (SIGHUP)"),
    ],
)
def test_on_the_signal_a_training_saves_and_ends_with_the_weights_of_a_straight_one(
    prepared, training, number, reason
):
    product, command = TRAININGS[training]
    made = prepared / "results/tiny" / product
    straight = weights(made)
    (made / "manifest.json").unlink()
    (made / "train_log.jsonl").unlink()
    running = start(prepared, command)
    wait_for_steps(made, running)
    running.send_signal(number)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == os.EX_TEMPFAIL
    step = stopped_at(made)
    assert f"{reason}; saved at step {step} of {STEPS}" in said
    assert "Traceback" not in said
    assert not (made / "manifest.json").exists()

    again = start(prepared, command)
    said = again.communicate(timeout=120)[1]
    assert again.returncode == 0, said
    assert f"checkpoint-{step}" in said
    assert weights(made) == straight
    assert not (made / "checkpoints").exists()


@pytest.mark.parametrize("training", TRAININGS)
def test_a_second_training_in_the_same_folder_says_so_and_the_first_goes_on(prepared, training):
    product, command = TRAININGS[training]
    made = prepared / "results/tiny" / product
    straight = weights(made)
    (made / "manifest.json").unlink()
    (made / "train_log.jsonl").unlink()
    first = start(prepared, command)
    wait_for_steps(made, first)
    first.send_signal(signal.SIGSTOP)  # or it might end before the second has started
    second = start(prepared, command)
    said = second.communicate(timeout=120)[1]
    first.send_signal(signal.SIGCONT)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=30)
    assert second.returncode == 2
    assert said.splitlines()[-1].startswith(
        f"error: results/tiny/{product}: another training runs here (process {first.pid} on "
    )
    subprocess.run(
        ["starbench", *command, "--config", "run.yaml", "--seed", "42"],
        cwd=prepared, env=ENVIRONMENT, check=True,
    )  # fmt: skip
    assert weights(made) == straight


def test_a_signal_to_all_processes_of_a_job_leaves_those_that_read_ahead_alive(prepared):
    """As `scancel` sends it: without its readers a training could not finish its step."""
    value = yaml.safe_load((prepared / "run.yaml").read_text())
    value["backbones"]["base"]["pretraining"]["workers"] = 2
    (prepared / "readers.yaml").write_text(yaml.safe_dump(value))
    product, command = TRAININGS["pretrain"]
    made = prepared / "results/tiny" / product
    straight = weights(made)
    (made / "manifest.json").unlink()
    (made / "train_log.jsonl").unlink()
    running = subprocess.Popen(
        ["starbench", *command, "--config", "readers.yaml", "--seed", "42"],
        cwd=prepared, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for_steps(made, running)
    readers = psutil.Process(running.pid).children()
    assert len(readers) == 2
    os.killpg(running.pid, signal.SIGTERM)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == os.EX_TEMPFAIL, said
    assert f"saved at step {stopped_at(made)} of {STEPS}" in said
    assert not any(reader.is_running() for reader in readers)
    again = start(prepared, command)
    again.communicate(timeout=120)
    assert weights(made) == straight


def test_ctrl_c_ends_a_training_in_one_line_and_without_a_traceback(prepared):
    product, command = TRAININGS["finetune"]
    made = prepared / "results/tiny" / product
    straight = weights(made)
    (made / "manifest.json").unlink()
    (made / "train_log.jsonl").unlink()
    running = start(prepared, command)
    wait_for_steps(made, running)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == 128 + signal.SIGINT
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    again = start(prepared, command)
    again.communicate(timeout=120)
    assert weights(made) == straight


def test_of_two_processes_both_stop_when_one_gets_the_signal(prepared):
    value = yaml.safe_load((prepared / "run.yaml").read_text())
    value["compute"]["pretrain"] = {"gpus": 2}  # here: two processes on the processor
    value["run"] = "two"
    folder = prepared
    (folder / "two.yaml").write_text(yaml.safe_dump(value))
    subprocess.run(
        ["starbench", "data", "--dataset", "stories", "--config", "two.yaml"],
        cwd=folder, env=ENVIRONMENT, check=True,
    )  # fmt: skip
    command = ["starbench", "pretrain", "--backbone", "base", "--seed", "42"]
    command += ["--config", "two.yaml"]
    made = folder / "results/two/backbones/base/seed-42"
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True)
    straight = weights(made)
    (made / "manifest.json").unlink()
    (made / "train_log.jsonl").unlink()
    running = subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    wait_for_steps(made, running)
    ranks = [
        child
        for child in psutil.Process(running.pid).children(recursive=True)
        if child.environ().get("RANK") == "1"
    ]
    ranks[0].send_signal(signal.SIGURG)
    said = running.communicate(timeout=90)[1]
    assert running.returncode != 0
    step = stopped_at(made)
    assert said.count(f"saved at step {step} of {STEPS}") == 2
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True)
    assert weights(made) == straight
