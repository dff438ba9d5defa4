"""The tiny run through a real Slurm of one node: `make test-cluster` starts it and these tests."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/workflow/tiny.yaml"
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
SLURM = [
    "--profile", str(ROOT / "profiles/slurm"),
    # This Slurm has no accounting: its own queue tells what became of a job.
    "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5",
    "--slurm-no-account", "--latency-wait", "5", "--default-resources", "slurm_partition=main",
]  # fmt: skip
LOCAL = ["--cores", "2"]

pytestmark = pytest.mark.skipif(
    "STARBENCH_TEST_CLUSTER" not in os.environ, reason="needs a Slurm: make test-cluster"
)


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder),
        "--configfile", str(folder / "run.yaml"), *arguments,
    ]  # fmt: skip


def snakemake(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(folder, *arguments),
        env=ENVIRONMENT, cwd=folder, text=True, check=False, timeout=900,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def one_thread_run(folder: Path, change=None) -> Path:
    """Put the tiny run into a folder, its STS track alone, two systems."""
    folder.mkdir(exist_ok=True)
    value = yaml.safe_load(TINY.read_text())
    del value["systems"]["base"]
    if change is not None:
        change(value)
    (folder / "run.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    return folder


def scores(folder: Path) -> bytes:
    return (folder / "results/tiny/scores.csv").read_bytes()


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """The run on this machine without Slurm."""
    folder = one_thread_run(tmp_path_factory.mktemp("local"))
    snakemake(folder, *LOCAL)
    return folder


@pytest.fixture(scope="module")
def clustered(tmp_path_factory) -> Path:
    """The run through Slurm, to its end."""
    folder = one_thread_run(tmp_path_factory.mktemp("slurm"))
    snakemake(folder, *SLURM)
    return folder


def test_slurm_gives_the_scores_of_the_local_run(local, clustered):
    assert scores(clustered) == scores(local)


def test_its_logs_are_where_the_profile_says(clustered):
    logs = list((clustered / "results/slurm-logs").rglob("*.log"))
    rules = {path.relative_to(clustered / "results/slurm-logs").parts[0] for path in logs}
    assert {"rule_finetune_model", "rule_embed_texts", "rule_score_model"} <= rules


def test_a_cancelled_job_is_done_again_with_the_same_numbers(local, clustered, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(clustered, folder)
    made = folder / "results/tiny"
    model = made / "models/sts/starbucks/seed-42"
    for stage in ("models", "embeddings", "scores"):
        shutil.rmtree(made / stage / "sts/starbucks")
    (made / "scores.csv").unlink()
    shutil.rmtree(made / "tables")
    running = subprocess.Popen(
        command(folder, *SLURM, "--retries", "0"), env=ENVIRONMENT, cwd=folder,
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not list(model.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline, "no checkpoint was written"
        assert running.poll() is None
        time.sleep(0.1)
    queued = subprocess.run(
        ["squeue", "-h", "-t", "running", "-o", "%i"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert queued
    subprocess.run(["scancel", *queued], check=True)
    try:
        assert running.wait(timeout=240) != 0
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    assert not (model / "manifest.json").exists()
    subprocess.run(["starbench", "unlock"], cwd=folder, env=ENVIRONMENT, check=True)
    snakemake(folder, *SLURM)
    assert scores(folder) == scores(local)


def test_a_job_beyond_its_memory_is_tried_again_with_more(tmp_path):
    def starve(value):
        value["compute"]["data"] = {"memory_mb": 1500}
        value["compute"]["pretrain"] = {"memory_mb": 500, "cpus": 1}

    folder = one_thread_run(tmp_path / "run", starve)
    target = "results/tiny/backbones/base/seed-42/manifest.json"
    text = snakemake(folder, *SLURM, target)
    asked = [int(mem) for mem in re.findall(r"rule pretrain_backbone:.*?mem_mb=(\d+)", text, re.S)]
    assert asked[0] == 500
    assert asked[-1] > asked[0], "it was submitted again, with more"
    with (folder / "results/tiny/benchmarks/backbones/base/seed-42.tsv").open() as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    assert float(row["max_rss"]) > 500
