"""A run survives being killed, and other runs in its folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import yaml

from tests.workflow.tiny import ENVIRONMENT, TINY, command, edit, files_of, snakemake, weights

SLOWER = "tracks={sts: {finetuning: {learning_rate: 0.00001}}}"


def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_with_the_same_weights(
    finished, tmp_path
):
    shutil.copytree(finished, tmp_path / "run")
    folder = tmp_path / "run"
    model = folder / "results/tiny/models/sts/starbucks/seed-42"
    for made in ("models", "embeddings", "scores"):
        shutil.rmtree(folder / "results/tiny" / made / "sts" / "starbucks")
    for product in ("tables", "figures"):  # else nothing asks for what is missing
        shutil.rmtree(folder / "results/tiny" / product)
    (folder / "results/tiny/scores.csv").unlink()
    # checkpoints more often, so that the kill hits between two of them
    edit(folder, lambda v: v["tracks"]["sts"]["finetuning"].update(checkpoint_every=2))
    running = subprocess.Popen(
        command(folder),
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 90
    while not list(model.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline
        assert running.poll() is None, "the training ended before it could be killed"
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (model / "manifest.json").exists()

    # what `make run` does
    subprocess.run(["starbench", "unlock"], cwd=folder, env=ENVIRONMENT, check=True)
    snakemake(folder)
    assert weights(folder, "starbucks") == weights(finished, "starbucks")
    log = (folder / "results/tiny/logs/models/sts/starbucks/seed-42.log").read_text()
    assert "resuming from" in log
    assert (folder / "results/tiny/scores.csv").read_bytes() == (
        finished / "results/tiny/scores.csv"
    ).read_bytes()


def test_a_dry_run_writes_nothing_whatever_its_config(finished, tmp_path):
    before = files_of(finished)
    snakemake(finished, "--dry-run", "--config", SLOWER)
    snakemake(finished, "--dry-run", "--config", "run=other")
    assert files_of(finished) == before
    shutil.copy(TINY, tmp_path / "run.yaml")
    snakemake(tmp_path, "--dry-run")
    assert files_of(tmp_path).keys() == {"run.yaml"}


def test_a_run_with_nothing_to_do_leaves_the_record_of_what_was_run(finished):
    before = files_of(finished)
    snakemake(finished)
    assert files_of(finished) == before


def test_the_config_of_the_last_run_is_recorded_as_it_was_given(finished):
    run = finished / "results/tiny"
    (kept,) = (run / "configs").iterdir()
    assert (run / "config.yaml").read_bytes() == kept.read_bytes()
    assert yaml.safe_load(kept.read_text()) == yaml.safe_load(TINY.read_text())


def test_other_snakemakes_do_not_change_what_a_running_one_does(finished, tmp_path):
    """Neither one that is refused because of the lock nor a dry run, with another config each."""
    folder = shutil.copytree(finished, tmp_path / "run")
    run = folder / "results/tiny"
    for made in ("models/sts", "embeddings/sts", "scores/sts"):
        shutil.rmtree(run / made)
    for product in ("tables", "figures"):  # else nothing asks for what is missing
        shutil.rmtree(run / product)
    (run / "scores.csv").unlink()
    record = (run / "config.yaml").read_bytes()
    (run / "logs/models/sts/starbucks/seed-42.log").unlink()
    running = subprocess.Popen(
        command(folder),
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while not list((folder / ".snakemake/locks").glob("*.output.lock")):
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        refused = subprocess.run(
            command(folder, "--config", SLOWER),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode != 0
        assert "cannot be locked" in refused.stdout + refused.stderr
        edit(folder, lambda v: v["tracks"]["sts"]["finetuning"].update(learning_rate=0.00002))
        snakemake(folder, "--dry-run")
        assert running.poll() is None, "the run ended before the others had begun"
        assert running.wait(300) == 0
    finally:
        running.kill()
        running.wait()
    assert (run / "config.yaml").read_bytes() == record
    assert len(list((run / "configs").iterdir())) == 1
    assert (run / "scores.csv").read_bytes() == (finished / "results/tiny/scores.csv").read_bytes()


def test_a_job_that_is_a_snakemake_of_its_own_reads_the_config_its_run_started_with(
    finished, tmp_path
):
    """As a job of Slurm is started, after the config file has been edited."""
    folder = shutil.copytree(finished, tmp_path / "run")
    (kept,) = (folder / "results/tiny/configs").iterdir()
    edit(folder, lambda v: v["datasets"]["paraphrase"].update(rows=50))
    made = folder / "results/tiny/data/paraphrase/manifest.json"
    made.unlink()
    job = command(
        folder, "--target-jobs", "fetch_dataset:run=tiny,dataset=paraphrase", "--allowed-rules",
        "fetch_dataset", "--mode", "remote", "--nolock", "--no-hooks", "--force",
    )  # fmt: skip
    subprocess.run(
        job, env=ENVIRONMENT | {"STARBENCH_RUN_CONFIG": str(kept)}, check=True, capture_output=True
    )
    assert json.loads(made.read_text())["config"]["rows"] == 60


def test_jobs_at_the_same_time_use_different_gpus(finished, tmp_path):
    """The GPUs are names alone: torch finds none and trains on the processor."""
    folder = shutil.copytree(finished, tmp_path / "run")
    made = folder / "results/tiny"
    models = ("base-2dmse", "starbucks")
    for model in models:
        shutil.rmtree(made / "models/sts" / model)
    names = [f"{tmp_path.name}-{number}" for number in (1, 2)]
    subprocess.run(
        [*command(folder), *(f"results/tiny/models/sts/{m}/seed-42/manifest.json" for m in models)],
        env=ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ",".join(names)},
        check=True,
        capture_output=True,
    )
    logs = [(made / f"logs/models/sts/{model}/seed-42.log").read_text() for model in models]
    taken = [re.search(r"on GPU (\S+) of", log) for log in logs]
    assert sorted(found[1] for found in taken if found) == names
    for name in names:
        Path(f"/tmp/starbench-gpu-{name}.lock").unlink()


def test_a_lock_is_kept_while_a_snakemake_works_in_the_folder(tmp_path):
    shutil.copy(TINY, tmp_path / "run.yaml")
    working = subprocess.Popen(
        command(tmp_path),
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    locks = tmp_path / ".snakemake" / "locks"

    def unlock():
        return subprocess.run(
            ["starbench", "unlock"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        deadline = time.monotonic() + 90
        while not list(locks.glob("*.output.lock")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        refused = unlock()
        assert refused.returncode == 2
        assert f"already running in {tmp_path} (process {working.pid})" in refused.stderr
        assert list(locks.glob("*.output.lock"))
    finally:
        os.killpg(working.pid, signal.SIGKILL)
        working.wait()
    assert unlock().returncode == 0
    assert not locks.exists()
