"""Jobs of one machine each get GPUs of their own, by lock files that the kernel releases."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from starbench.machine.gpus import installed_gpus

BIN = Path(sys.executable).parent
HOLD = """
import os, sys
from pathlib import Path
from starbench.machine.gpus import take_gpus
from starbench.machine.progress import setup_logging
setup_logging()
take_gpus(int(sys.argv[1]), Path(sys.argv[2]))
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """A function that starts a process which takes GPUs and keeps them until its input ends."""
    started = []

    def start(wanted: int, **variables: str) -> subprocess.Popen[str]:
        kept = ("PATH", "HOME")
        environment = {name: os.environ[name] for name in kept if name in os.environ} | variables
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(wanted), str(tmp_path)],
            env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def shown(process: subprocess.Popen[str]) -> str:
    """CUDA_VISIBLE_DEVICES as a job sees it, once it has its GPUs."""
    return process.stdout.readline().strip()


def fake_smi(folder: Path, gpus: int) -> dict[str, str]:
    """Variables with which `nvidia-smi -L` lists GPUs, each with a MIG part."""
    program = folder / "nvidia-smi"
    lines = [f"GPU {n}: NVIDIA H200 (UUID: GPU-{n})\n  MIG 1g.18gb Device 0:" for n in range(gpus)]
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_four_jobs_on_four_gpus_get_one_each_and_a_fifth_waits_for_the_first_to_end(job):
    four = [job(1, CUDA_VISIBLE_DEVICES="0,1,2,3") for _ in range(4)]
    given = [shown(process) for process in four]
    assert sorted(given) == ["0", "1", "2", "3"]
    fifth = job(1, CUDA_VISIBLE_DEVICES="0,1,2,3")
    assert "waiting for 1 of the GPUs 0, 1, 2, 3 to be free" in fifth.stderr.readline()
    time.sleep(1.5)
    assert fifth.poll() is None
    four[2].kill()
    assert shown(fifth) == given[2]
    assert "on GPU" in fifth.stderr.readline(), "it says once that it waits"


def test_a_job_of_two_gpus_waits_for_two_and_is_not_overtaken(job):
    small = [job(1, CUDA_VISIBLE_DEVICES="0,1") for _ in range(2)]
    assert sorted(map(shown, small)) == ["0", "1"]
    large = job(2, CUDA_VISIBLE_DEVICES="0,1")
    assert "waiting for 2" in large.stderr.readline()
    later = job(1, CUDA_VISIBLE_DEVICES="0,1")
    assert "waiting for 1" in later.stderr.readline()
    small[0].communicate()
    time.sleep(1.5)
    assert later.poll() is None
    small[1].communicate()
    assert sorted(shown(large).split(",")) == ["0", "1"]
    large.communicate()
    assert shown(later) in ("0", "1")


def test_without_a_variable_the_gpus_are_those_that_the_driver_lists(job, tmp_path):
    variables = fake_smi(tmp_path, 2)
    assert sorted(shown(job(1, **variables)) for _ in range(2)) == ["0", "1"]


def test_the_driver_lists_gpus_not_their_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_smi(tmp_path, 3)["PATH"])
    assert installed_gpus() == ["0", "1", "2"]


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus_stay_hidden(job, tmp_path, hidden):
    assert shown(job(1, CUDA_VISIBLE_DEVICES=hidden, **fake_smi(tmp_path, 2))) == hidden


def test_what_slurm_gave_to_a_job_is_left_as_it_is(job, tmp_path):
    smi = fake_smi(tmp_path, 4)
    given = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"}
    assert [shown(job(1, **given, **smi)) for _ in range(2)] == ["0", "0"]
    assert shown(job(1, SLURM_JOB_ID="8", **smi)) == "None", "it asked for no GPU"


def test_jobs_within_one_slurm_job_share_out_its_gpus(job):
    given = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1"}
    assert sorted(shown(job(1, **given)) for _ in range(2)) == ["0", "1"]
    other = {**given, "SLURM_JOB_ID": "8"}
    assert shown(job(1, **other)) == "0", "another job's 0 is another GPU"


def test_more_gpus_than_there_are_is_an_error(job):
    _, error = job(3, CUDA_VISIBLE_DEVICES="0,1").communicate()
    assert "the config asks for 3 GPUs per job, this machine has 2" in error


SPREAD = """
import os
from pathlib import Path
import sys
from starbench.machine.gpus import take_gpus
from starbench.machine.processes import rank, share_among
locks = Path(sys.argv[1])
take_gpus(2, locks)
share_among(2)
(locks / f"rank-{rank()}").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
while not (locks / "end").exists():
    pass
"""


@pytest.mark.parametrize("way", ["script", "module"])
def test_torchrun_keeps_the_gpus_that_its_starter_took(job, tmp_path, way):
    script, package = tmp_path / "train", tmp_path / "modules" / "train" / "__main__.py"
    package.parent.mkdir(parents=True)
    package.write_text(SPREAD)
    script.write_text(f"#!{sys.executable}\n{SPREAD}")
    script.chmod(0o755)
    modules = os.pathsep.join([str(tmp_path / "modules"), os.environ.get("PYTHONPATH", "")])
    command = {"script": [script], "module": [sys.executable, "-P", "-m", "train"]}[way]
    running = subprocess.Popen(
        [*command, tmp_path],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "4,5", "PYTHONPATH": modules},
        cwd=tmp_path,
    )
    deadline = time.monotonic() + 180
    ranks = [tmp_path / "rank-0", tmp_path / "rank-1"]
    while not all(path.exists() and path.read_text() for path in ranks):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [path.read_text() for path in ranks] == ["4,5", "4,5"]
    other = job(1, CUDA_VISIBLE_DEVICES="4,5")
    assert "waiting" in other.stderr.readline()
    (tmp_path / "end").touch()
    assert running.wait(timeout=30) == 0
    assert shown(other) in ("4", "5")
