"""The real workflow on tiny data: runs to the end, reruns what changed, survives being killed."""

import csv
import hashlib
import json
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

from tests.browser import needs_browser, opened
from tests.hostile import HOSTILE

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
        "--configfile",
        str(folder / "run.yaml"),
        "--cores",
        "2",
        *arguments,
    ]


def snakemake(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(folder, *arguments), env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def edit(folder: Path, change) -> None:
    path = folder / "run.yaml"
    value = yaml.safe_load(path.read_text())
    change(value)
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def planned(folder: Path) -> dict[str, int]:
    """Return {rule: jobs} of a dry run."""
    text = snakemake(folder, "--dry-run", "--quiet", "host")
    table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\n\n", text, re.DOTALL)
    if table is None:
        assert "Nothing to be done" in text
        return {}
    rows = [line.split() for line in table[1].splitlines()]
    return {rule: int(count) for rule, count in rows if rule not in ("total", "all")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder in which the tiny run has been made."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(TINY, folder / "run.yaml")
    snakemake(folder)
    return folder


@pytest.fixture
def changed(finished):
    """The finished run, whose config a test may change; put back afterwards."""
    yield finished
    shutil.copy(TINY, finished / "run.yaml")
    snakemake(finished, "--dry-run", "--quiet")


def test_the_run_ends_with_scores_of_every_system_cell_and_dataset(finished):
    rows = (finished / "results/tiny/scores.csv").read_text().splitlines()[1:]
    keys = {tuple(row.split(",")[:7]) for row in rows}
    systems = ("base", "base-2dmse", "starbucks")
    sizes = [(str(n), str(d), f"n{n}-d{d}") for n in (1, 2) for d in (8, 16)]
    sets = [("sts", "paraphrase"), ("retrieval", "library"), ("retrieval", "archive")]
    assert keys == {
        *((system, "42", *size, *of) for system in systems for size in sizes for of in sets),
        *(("bm25", "42", "", "", "", *of) for of in sets[1:]),
    }
    assert len(rows) == 3 * 4 * (2 + 4 + 4) + 2 * 4


def test_every_table_and_figure_is_there_and_every_job_has_a_log_and_a_benchmark(finished):
    run = finished / "results/tiny"
    tables = {path.stem for path in (run / "tables").glob("*.tex")}
    assert tables == {"sts", "retrieval", "out_of_domain", "in_domain", "adaptive", "claims"}
    assert (run / "tables/sts.md").read_text().startswith("|")
    assert (run / "figures/sts_heatmap_starbucks.png").stat().st_size > 5000
    for kind in ("logs", "benchmarks"):
        assert len(list((run / kind).rglob("starbucks/seed-42*"))) >= 1
    assert not list(run.rglob("checkpoint-*")), "checkpoints of finished trainings are removed"
    assert not list(run.rglob("*.tmp"))


@needs_browser
def test_the_html_report_shows_hostile_names_as_they_are_and_runs_no_script(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    names = [" ".join(name.split()) for name in HOSTILE]

    def rename(config):
        config["title"] = "\n".join(HOSTILE)
        sections = ("systems", "datasets", "backbones")
        named = [part for section in sections for part in config[section].values()]
        for part, name in zip(named, HOSTILE, strict=False):
            part["display"] = name
        assert len(named) == len(HOSTILE) - 1

    edit(folder, rename)
    assert planned(folder) == {"draw_report": 1}
    snakemake(folder)
    snakemake(folder, "--report", "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    expected = {
        "null": [" ".join(names), *names[:3]],
        "app.showCategory('Figures')": names[:3],
        "app.showCategory('Tables')": ["in domain"],
        "app.showResultInfo('results/tiny/figures/overview.png')": ["draw_report", "reads="],
    }

    def seen(page, view):
        # The libraries within the page hold the end of a page as a text: the last one is its own.
        start, _, end = page.rpartition("</body>")
        script = f"<script>setTimeout(() => {view}, 100)</script></body>"
        (tmp_path / "page.html").write_text(start + script + end, encoding="utf-8")
        title, lines = opened(tmp_path / "page.html", tmp_path / "profile")
        return title, "\n".join(lines).replace("\u2060", "")

    for view, shown in expected.items():
        title, text = seen(page, view)
        assert title == "Snakemake Report", view
        for name in shown:
            assert name in text, view
    unguarded = page.replace(r"\u2060", "")
    assert seen(unguarded, "null")[0] == "owned", "the names are harmless: the test shows nothing"


def test_templates_in_a_config_run_nothing_before_they_are_refused(tmp_path):
    ran = tmp_path / "ran"
    code = f"?__import__('pathlib').Path({str(ran)!r}).touch() or 'title'"
    path = tmp_path / "run.yaml"
    path.write_text(f"__use_yte__: true\n{TINY.read_text()}\ndata_root: {json.dumps(code)}\n")
    for refused in (
        ["starbench", "config", "--config", str(path)],
        ["make", "-C", str(ROOT), "-o", ".venv/.installed", "run", f"CONFIG={path}"],
        ["make", "-C", str(ROOT), "-o", ".venv/.installed", "data", f"CONFIG={path}"],
        # Snakemake by itself runs the code (docs/security.md), and is stopped before any job.
        [*command(tmp_path)],
    ):
        assert not ran.exists(), "something before this command ran the config's code"
        done = subprocess.run(
            refused, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode != 0
        assert f"{path}:1: __use_yte__: a config is data" in done.stdout + done.stderr
    assert ran.exists(), "the code in this config is no code, so the test shows nothing"
    assert not (tmp_path / "results").exists()


def test_the_summary_and_the_manifest_tell_what_was_run_with_what(finished):
    run = finished / "results/tiny"
    text = (run / "summary.md").read_text()
    for heading in ("In short", "The paper's claims", "Warnings", "Provenance"):
        assert f"## {heading}" in text
    assert "| Starbucks beats 2DMSE at every size |" in text
    assert text.count("data:image") == 0
    assert (run / "summary.html").read_text().count("data:image/png") == 1
    digest = hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest()[:12]
    for table in (run / "tables").iterdir():
        assert digest in table.read_text(), table.name
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["data"].keys() == {
        "stories", "entailments", "paraphrase", "questions", "library", "archive"
    }  # fmt: skip
    assert manifest["stages"]["finetune"]["jobs"] == 6
    assert all(stage["wall_s"] > 0 for stage in manifest["stages"].values())


def test_every_other_system_is_tested_at_every_size_on_every_dataset(finished):
    with (finished / "results/tiny/significance.csv").open() as file:
        rows = list(csv.DictReader(file))
    compared = [row for row in rows if row["system"] != row["against"]]
    assert {row["against"] for row in compared} == {"starbucks"}
    # Two other systems, two sizes, three datasets, two tests of each; and two sizes of each of
    # three systems.
    assert len(compared) == 2 * 2 * 3 * 2
    assert len(rows) - len(compared) == 3 * 3 * 2
    assert all(float(row["p"]) <= float(row["holm"]) <= 1 for row in rows)


def test_the_papers_run_is_planned_in_fewer_than_250_jobs_and_half_a_minute(tmp_path):
    began = time.monotonic()
    shown = subprocess.run(
        ["snakemake", "--dry-run", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path,
         "--profile", ROOT / "profiles/slurm", "--configfile", ROOT / "config/paper.yaml"],
        env=ENVIRONMENT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert time.monotonic() - began < 30
    stats = shown.stdout.split("Job stats:")[1]
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.M)}
    # Per track: single, five separate sizes (the sixth is the single model), 2dmse, srl, starbucks.
    assert jobs["finetune_model"] == jobs["score_model"] == 2 * 9
    assert jobs["embed_shard"] == jobs["search_shard"] == 9 * 3
    assert jobs["pretrain_backbone"] == 1
    assert jobs["total"] < 250
    # Whatever the cores of the machine that plans: it is another one that trains.
    asked = re.search(
        r"rule pretrain_backbone:.*?threads: (\d+)\n +resources: (.*)", shown.stdout, re.S
    )
    assert asked is not None
    assert asked[1] == "64"
    for resource in ("mem_mb=400000", "runtime=4800", "gpu=8", "tasks_per_gpu=0", "nodes=1"):
        assert resource in asked[2].splitlines()[0].split(", ")


def test_a_second_run_does_nothing(finished):
    assert planned(finished) == {}


def test_a_changed_number_of_one_system_reruns_that_system_and_nothing_else(changed):
    # Of one track only: the other's models stay.
    override = {"sts": {"options": {"kl_weight": 0.7}}}
    edit(changed, lambda value: value["systems"]["starbucks"].update(overrides=override))
    jobs = planned(changed)
    assert {rule: jobs.pop(rule) for rule in ("finetune_model", "embed_texts", "score_model")} == {
        "finetune_model": 1,
        "embed_texts": 1,
        "score_model": 1,
    }
    assert set(jobs) == {"collect_scores", "compare_systems", "draw_report"}


def test_how_often_to_log_or_what_jobs_may_use_reruns_nothing(changed):
    def change(value):
        value["tracks"]["sts"]["finetuning"] |= {"checkpoint_every": 7, "log_every": 3}
        value["compute"]["pretrain"] |= {"cpus": 2, "gpus": 2}
        value["compute"]["gres"] = "gpu"

    edit(changed, change)
    assert planned(changed) == {}


def add_roles(value):
    roles = {"kind": "pairs", "source": "micro", "name": "roles", "rows": 30}
    value["datasets"]["roles"] = roles
    value["tracks"]["sts"]["tasks"].append("roles")


def test_a_new_dataset_runs_only_what_is_new(changed):
    edit(changed, add_roles)
    jobs = planned(changed)
    assert "finetune_model" not in jobs
    assert "pretrain_backbone" not in jobs
    assert (jobs["fetch_dataset"], jobs["embed_texts"], jobs["score_model"]) == (1, 3, 3)


def test_a_new_dataset_leaves_what_is_embedded_and_scored_as_it_is(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    made = tmp_path / "run" / "results" / "tiny"
    kept = [*made.rglob("paraphrase/layer-*.npy"), *made.rglob("paraphrase/scores.csv")]
    before = [path.stat().st_mtime_ns for path in kept]
    assert len(before) == 3 * 2 + 3
    edit(tmp_path / "run", add_roles)
    snakemake(tmp_path / "run")
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert len(list(made.rglob("scores/sts/*/seed-42/roles/scores.csv"))) == 3


def test_more_shards_embed_the_passages_anew_and_score_the_same(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    scores = tmp_path / "run" / "results/tiny/scores.csv"
    before = scores.read_bytes()
    edit(tmp_path / "run", lambda value: value["datasets"]["library"].update(shards=3))
    jobs = planned(tmp_path / "run")
    assert (jobs["embed_shard"], jobs["search_shard"], jobs["score_model"]) == (9, 9, 3)
    assert "fetch_dataset" not in jobs
    snakemake(tmp_path / "run")
    assert scores.read_bytes() == before


def test_a_new_size_trains_only_what_depends_on_the_sizes(changed):
    size = {"name": "third", "layers": 1, "dim": 12}
    edit(changed, lambda value: value["sizes"].insert(1, size))
    jobs = planned(changed)
    assert "fetch_dataset" not in jobs
    assert jobs["pretrain_backbone"] == 1  # smae reads the sizes, mlm does not
    assert jobs["finetune_model"] == 4  # 2dmse and srl; the untouched backbone does not
    assert jobs["embed_texts"] == 4  # the untouched backbone's vectors hold the new columns already
    assert jobs["embed_shard"] == 4
    assert jobs["score_model"] == 6


def test_a_new_seed_leaves_the_others_alone(changed):
    edit(changed, lambda value: value.update(seeds=[42, 43]))
    jobs = planned(changed)
    assert jobs["pretrain_backbone"] == 2
    assert jobs["finetune_model"] == jobs["embed_texts"] == jobs["score_model"] == 6


def test_a_wrong_config_stops_before_anything_runs(tmp_path):
    shutil.copy(TINY, tmp_path / "run.yaml")
    edit(tmp_path, lambda value: value["systems"]["starbucks"].update(objektive="srl"))
    done = subprocess.run(
        command(tmp_path), env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "run.yaml:" in text
    assert "unknown key 'objektive' (did you mean 'objective'?)" in text
    assert "Traceback" not in text
    assert not (tmp_path / "results").exists()


def weights(folder: Path, model: str) -> bytes:
    path = folder / f"results/tiny/models/sts/{model}/seed-42/model/model.safetensors"
    return path.read_bytes()


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


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return {file: (size, time)} of all that is in a folder, Snakemake's own files aside."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in found
        if ".snakemake" not in path.parts
    }


SLOWER = "tracks={sts: {finetuning: {learning_rate: 0.00001}}}"


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
    for made in ("models", "embeddings", "scores"):
        shutil.rmtree(run / made / "sts")
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
