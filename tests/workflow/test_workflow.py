"""The real workflow on tiny data runs to its end."""

import csv
import hashlib
import json
import re
import shutil
import subprocess
import time

from tests.workflow.tiny import (
    ENVIRONMENT,
    ROOT,
    TINY,
    command,
    edit,
)


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


def test_the_summary_and_the_manifest_tell_what_was_run_with_what(finished):
    run = finished / "results/tiny"
    text = (run / "summary.md").read_text()
    for heading in (
        "In short",
        "The paper's claims",
        "Warnings",
        "Provenance",
        "Make a number again",
    ):
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


def test_a_command_of_the_summary_makes_its_numbers_again(finished):
    text = (finished / "results/tiny/summary.md").read_text()
    (line,) = re.findall(r"^- \*\*BM25\*\*, retrieval: `snakemake (.*)`$", text, re.MULTILINE)
    options, target = line.split(" -- ")
    place = ["--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    words = ["snakemake", *options.split(), *place, "--", target]
    try:
        subprocess.run(words, cwd=finished, env=ENVIRONMENT, check=True, capture_output=True)
        for dataset in ("library", "archive"):
            again = (finished / target).parent / dataset / "scores.csv"
            first = finished / "results/tiny/scores/retrieval/bm25" / dataset / "scores.csv"
            assert again.read_bytes() == first.read_bytes()
    finally:
        shutil.rmtree(finished / "results/again", ignore_errors=True)


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
