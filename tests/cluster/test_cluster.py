"""The tiny run through a real Slurm of one node: `make test-cluster` starts it and these tests."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/workflow/tiny.yaml"
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.skipif(
    "STARBENCH_TEST_CLUSTER" not in os.environ, reason="needs a Slurm: make test-cluster"
)


def prepare(
    folder: Path, change: Callable[[Any], None] = lambda value: None, **profile: Any
) -> Path:
    """Put the tiny run, two of its systems, into a folder, and the profile as a user edits it.

    Args:
        folder: where the run is to be made.
        change: what differs from the tiny run's config.
        profile: what differs from the profile for this Slurm.
    """
    folder.mkdir(exist_ok=True)
    value = yaml.safe_load(TINY.read_text())
    del value["systems"]["base"]
    for stage in ("pretrain", "finetune", "embed", "evaluate"):
        value["compute"].setdefault(stage, {})["memory_mb"] = 2000
    value["compute"]["finetune"]["gpus"] = 1
    change(value)
    (folder / "run.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    edited = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    edited["default-resources"]["slurm_partition"] = "main"
    # This Slurm has no accounting: its own queue tells what became of a job.
    edited |= {
        "slurm-no-account": True,
        "slurm-status-command": "squeue",
        "slurm-init-seconds-before-status-checks": 9,
        "latency-wait": 10,
    }
    (folder / "slurm").mkdir(exist_ok=True)
    (folder / "slurm/config.yaml").write_text(yaml.safe_dump(edited | profile))
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["snakemake", *arguments, "--snakefile", ROOT / "Snakefile", "--directory", folder,
         "--configfile", folder / "run.yaml"],
        env=ENVIRONMENT, cwd=folder, text=True,
        stdout=(folder / "snakemake.log").open("w"), stderr=subprocess.STDOUT,
    )  # fmt: skip


def through_slurm(folder: Path, *targets: str) -> subprocess.Popen[str]:
    return start(folder, *targets, "--profile", str(folder / "slurm"))


def finished(folder: Path, running: subprocess.Popen[str]) -> None:
    """Wait for a run to end well."""
    try:
        running.wait(timeout=600)
    finally:
        running.kill()
    assert running.returncode == 0, (folder / "snakemake.log").read_text()[-4000:]


def scontrol(*arguments: str) -> str:
    return subprocess.run(
        ["scontrol", *arguments], check=True, capture_output=True, text=True
    ).stdout


def slurm_jobs(folder: Path, rule: str) -> list[dict[str, str]]:
    """What Slurm knows of the jobs of a rule that were submitted from a folder, oldest first."""
    shown = scontrol("--oneliner", "show", "job")
    jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in shown.splitlines()]
    return [
        job
        for job in jobs
        if job["WorkDir"] == str(folder) and job.get("Comment", "").startswith(f"rule_{rule}")
    ]


def slurm_logs(folder: Path, rule: str) -> list[str]:
    """The output of the jobs of a rule, oldest first."""
    found = (folder / "results/slurm-logs" / f"rule_{rule}").rglob("*.log")
    return [path.read_text() for path in sorted(found, key=lambda path: path.stat().st_mtime)]


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """The run on this machine without Slurm."""
    folder = prepare(tmp_path_factory.mktemp("local"))
    finished(folder, start(folder, "--cores", "2"))
    return folder


@pytest.fixture(scope="module")
def clustered(tmp_path_factory) -> Path:
    """The run through Slurm, to its end."""
    folder = prepare(tmp_path_factory.mktemp("slurm"))
    finished(folder, through_slurm(folder))
    return folder


def scores(folder: Path) -> bytes:
    return (folder / "results/tiny/scores.csv").read_bytes()


def test_slurm_gives_the_scores_of_the_local_run(local, clustered):
    assert scores(clustered) == scores(local)
    assert (clustered / "results/tiny/summary.html").is_file()


def test_its_logs_are_where_the_profile_says(clustered):
    rules = {path.name for path in (clustered / "results/slurm-logs").iterdir()}
    assert rules == {
        "rule_pretrain_backbone", "rule_finetune_model", "rule_embed_texts", "rule_embed_shard",
        "rule_search_shard", "rule_score_model", "rule_score_bm25", "rule_compare_systems",
    }  # fmt: skip
    (log,) = clustered.glob("results/slurm-logs/rule_finetune_model/tiny_sts_starbucks_42/*.log")
    assert "localrule finetune_model" in log.read_text()


@pytest.mark.parametrize("rule", ["embed_shard", "search_shard"])
def test_the_shards_of_a_collection_are_an_array(clustered, rule):
    folder = clustered / f"results/slurm-logs/rule_{rule}"
    logs = list(folder.rglob("*.log"))
    assert len(logs) == 4, "two models, two shards"
    # Those of an array lie beside one another, a job's own log is in a folder of its own.
    tasks = sorted(path.stem.rpartition("_")[2] for path in logs if path.parent == folder)
    if rule == "embed_shard":
        assert tasks == ["1", "1", "2", "2"]
    else:
        # A shard is searched as soon as it is embedded, which may be before the other one is.
        assert set(tasks) <= {"1", "2"}


def test_jobs_get_what_their_stage_asks_for(clustered):
    trained = slurm_jobs(clustered, "finetune_model")
    assert len(trained) == 4
    for job in trained:
        assert "mem=2000M" in job["TRES"]
        assert (job["TimeLimit"], job["TresPerJob"]) == ("01:00:00", "gres:gpu:1")
    assert not any("TresPerJob" in job for job in slurm_jobs(clustered, "embed_texts"))


BACKBONE = "results/tiny/backbones/base/seed-42/manifest.json"


@pytest.fixture(scope="module")
def trials(tmp_path_factory) -> dict[str, tuple[Path, subprocess.Popen[str]]]:
    """Three runs of one backbone, beside each other and what is tested meanwhile.

    One runs out of memory, one out of time, one is on two GPUs.
    """

    def starve(value):
        value["compute"]["pretrain"]["memory_mb"] = 500

    def hurry(value):
        value["compute"]["pretrain"]["runtime_min"] = 1
        # Some minutes of work, of which no checkpoint is due before the end.
        much = {"steps": 8000, "checkpoint_every": 10**6, "log_every": 500}
        value["backbones"]["base"]["pretraining"] |= much

    def share(value):
        value["compute"]["pretrain"] |= {"gpus": 2, "cpus": 2}

    # Slurm looks at time limits every 30 seconds: the signal comes up to that much earlier.
    in_time = {"slurm_partition": "main", "slurm_extra": "--signal=URG@10"}
    folders = {
        "memory": prepare(tmp_path_factory.mktemp("memory"), starve),
        "time": prepare(tmp_path_factory.mktemp("time"), hurry, **{"default-resources": in_time}),
        "gpus": prepare(tmp_path_factory.mktemp("gpus"), share, config=["compute={gres: gpu}"]),
    }
    return {name: (folder, through_slurm(folder, BACKBONE)) for name, folder in folders.items()}


def test_a_cancelled_job_is_done_again_with_the_same_numbers(local, clustered, trials, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(clustered, folder)
    made = folder / "results/tiny"
    model = made / "models/sts/starbucks/seed-42"
    for stage in ("models", "embeddings", "scores"):
        shutil.rmtree(made / stage / "sts/starbucks")
    (made / "scores.csv").unlink()
    prepare(folder, retries=0)
    running = through_slurm(folder, "results/tiny/scores.csv")
    deadline = time.monotonic() + 240
    while not list(model.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline, "no checkpoint was written"
        assert running.poll() is None
        time.sleep(0.05)
    subprocess.run(["scancel", slurm_jobs(folder, "finetune_model")[0]["JobId"]], check=True)
    assert running.wait(timeout=240) != 0
    assert not (model / "manifest.json").exists()
    subprocess.run(["starbench", "unlock"], cwd=folder, env=ENVIRONMENT, check=True)
    finished(folder, through_slurm(folder, "results/tiny/scores.csv"))
    assert "resuming from" in slurm_logs(folder, "finetune_model")[-1]
    assert scores(folder) == scores(local)


def test_two_gpus_are_one_job_of_two_processes(trials):
    folder, running = trials["gpus"]
    finished(folder, running)
    (job,) = slurm_jobs(folder, "pretrain_backbone")
    assert (job["NumTasks"], job["TresPerNode"]) == ("1", "gres:gpu:2")
    assert json.loads((folder / BACKBONE).read_text())["processes"] == 2


def test_a_job_beyond_its_memory_is_tried_again_with_more(trials):
    folder, running = trials["memory"]
    finished(folder, running)
    jobs = slurm_jobs(folder, "pretrain_backbone")
    asked = [int(re.search(r"mem=(\d+)M", job["TRES"])[1]) for job in jobs]
    assert asked in ([500, 1000], [500, 1000, 1500])
    assert jobs[-1]["JobState"] == "COMPLETED"
    settings = scontrol("show", "config")
    log = Path(re.search(r"SlurmdLogFile += (\S+)", settings)[1]).read_text()
    for job in jobs[:-1]:
        assert f"StepId={job['JobId']}.0 exceeded memory limit" in log
    assert json.loads((folder / BACKBONE).read_text())["peak_memory_mib"] > 500


def test_a_job_beyond_its_time_saves_and_goes_on_with_more(trials):
    folder, running = trials["time"]
    finished(folder, running)
    jobs = slurm_jobs(folder, "pretrain_backbone")
    assert len(jobs) > 1
    assert [job["TimeLimit"] for job in jobs] == [f"00:0{n + 1}:00" for n in range(len(jobs))]
    assert [job["JobState"] for job in jobs] == ["FAILED"] * (len(jobs) - 1) + ["COMPLETED"]
    logs = slurm_logs(folder, "pretrain_backbone")
    for before, after in pairwise(logs):
        saved = re.search(r"time is nearly over; saved at step (\d+) of 8000", before)
        assert f"checkpoint-{saved[1]}\n" in after, "it goes on from there"
