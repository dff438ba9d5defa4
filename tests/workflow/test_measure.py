"""What sizes cost is measured of a finished run, and nothing else is made again for it."""

import csv
import json
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from sentence_transformers import SentenceTransformer

import starbench as library
from starbench import Size
from starbench.cli import main
from starbench.config.reading import load_config
from starbench.machine.files import sha256_of
from starbench.planning.devices import device_named
from starbench.planning.plan import make_plan
from starbench.run.paths import RunPaths
from starbench.store.costs import COST_COLUMNS, UNITS
from starbench.store.manifest import read_manifest
from starbench.store.records import SCHEMAS, read_records, write_records
from tests.workflow.tiny import ROOT, edit, planned, snakemake
from tests.workflow.tiny_run import RETRIEVAL, STS, starbench

SECTION = {"runtimes": ["torch"], "batch_sizes": [1, 4], "texts": 3, "rounds": 3, "bits": [32, 1]}
PLACE = "results/tiny/costs/sts/starbucks/seed-42"


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "results/tiny/costs.csv").open() as file:
        return list(csv.DictReader(file))


def chosen(rows, cost: str, **columns) -> list[dict[str, str]]:
    given = {"cost": cost} | {name: str(value) for name, value in columns.items()}
    return [row for row in rows if all(row[name] == value for name, value in given.items())]


def value_of(rows, cost: str, **columns) -> float:
    (row,) = chosen(rows, cost, **columns)
    return float(row["value"])


def plan_of(folder: Path) -> Counter[str]:
    """Return {rule: jobs} that the planner counts."""
    config = load_config(folder / "run.yaml")
    paths = RunPaths.of(config, folder / "results")
    plan = make_plan(config, paths, device_named("laptop-core"), None, {})
    return Counter(job.rule for job in plan.jobs)


@pytest.fixture(scope="module")
def measured(by_commands, tmp_path_factory) -> Path:
    """A copy of the run by commands, its one system measured on both tracks."""
    folder = tmp_path_factory.mktemp("measured")
    shutil.copytree(by_commands, folder, dirs_exist_ok=True)
    edit(folder, lambda value: value.update(measure=SECTION))
    for model in (STS, RETRIEVAL):
        assert starbench(folder, "measure", "model", *model) == 0
    assert starbench(folder, "measure", "collect") == 0
    return folder


def test_every_cost_is_told_of_every_layer_or_dim_that_it_depends_on(measured):
    rows = rows_of(measured)
    assert list(rows[0]) == list(COST_COLUMNS)
    assert {row["cost"]: row["unit"] for row in rows} == UNITS
    for row in rows:
        low, value, high = (float(row[name] or row["value"]) for name in ("low", "value", "high"))
        assert value > 0, row
        assert low <= value <= high or row["cost"] == "tokens", row
    for track in ("sts", "retrieval"):
        for layers in (1, 2):
            assert (
                len(chosen(rows, "latency_p50", track=track, layers=layers, runtime="torch")) == 1
            )
            timed = chosen(rows, "throughput", track=track, layers=layers)
            assert sorted(row["batch"] for row in timed) == ["1", "4"]
    kinds = {(row["track"], row["part"]) for row in rows if row["cost"] == "throughput"}
    assert kinds == {("sts", "pairs"), ("retrieval", "passages")}


def test_what_is_counted_is_what_the_models_and_the_data_have(measured):
    rows, root = rows_of(measured), measured / "results/tiny"
    model = SentenceTransformer(str(root / "models/sts/starbucks/seed-42/model"), device="cpu")
    for layers in (1, 2):
        small = library.cut(model, Size(layers, 16))
        count = sum(w.numel() for n, w in small.named_parameters() if ".pooler." not in n)
        assert value_of(rows, "parameters", track="sts", layers=layers) == count
    for dim, bits, expected in [(8, 32, 32e6), (16, 32, 64e6), (8, 1, 1e6), (16, 1, 2e6)]:
        of = {"track": "retrieval", "dim": dim, "bits": bits}
        assert value_of(rows, "index_bytes_per_million", **of) == expected
    passages = len(read_records(root / "data/library", "passages.arrow"))
    of = {"track": "retrieval", "dataset": "library", "dim": 16}
    assert value_of(rows, "search_multiply_adds", **of) == 16 * passages
    assert chosen(rows, "search", **of)[0]["texts"] == str(passages)


def test_the_manifest_tells_on_what_and_with_what_it_was_measured(measured):
    manifest = json.loads((measured / PLACE / "manifest.json").read_text())
    assert manifest["config"]["threads"] == 1
    assert manifest["hardware"]["processor"] == manifest["config"]["processor"]
    timed = chosen(rows_of(measured), "latency_p50", track="sts", layers=1)[0]
    assert timed["device"] == manifest["hardware"]["processor"]
    assert timed["threads"] == "1"
    assert f"torch {manifest['versions']['torch']}" in timed["library"]
    assert manifest["timed_on"] == [timed["device"]]
    assert manifest["timed_with"] == [timed["library"]]


def test_what_is_measured_is_left_alone_until_its_settings_change(measured, tmp_path):
    folder = shutil.copytree(measured, tmp_path / "run")
    file = folder / PLACE / "manifest.json"
    before = file.stat().st_mtime_ns
    edit(folder, lambda value: value["measure"].update(tracks=["sts"]))
    assert starbench(folder, "measure", "model", *STS) == 0
    assert file.stat().st_mtime_ns == before
    edit(folder, lambda value: value["measure"].update(texts=2))
    assert starbench(folder, "measure", "model", *STS) == 0
    assert file.stat().st_mtime_ns != before


def test_a_dataset_without_any_text_is_named_and_nothing_is_left(measured, tmp_path, capsys):
    folder = shutil.copytree(measured, tmp_path / "run")
    shutil.rmtree(folder / PLACE)
    data = folder / "results/tiny/data/paraphrase"
    rows = [{"sentence1": " ", "sentence2": "", "score": 1.0}]
    write_records(data / "records.arrow", SCHEMAS["pairs"], rows)
    manifest = dict(read_manifest(data))
    manifest["files"] = {"records.arrow": sha256_of(data / "records.arrow")}
    manifest.pop("stat")
    (data / "manifest.json").write_text(json.dumps(manifest))
    assert starbench(folder, "measure", "model", *STS) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        "error: dataset 'paraphrase' has no pairs to take lengths of: name another one in "
        "measure.datasets"
    )
    assert not (folder / PLACE).exists()
    assert not list((folder / PLACE).parent.glob(".*"))


def test_snakemake_measures_with_all_cores_what_the_section_asks_for(measured, tmp_path):
    folder = shutil.copytree(measured, tmp_path / "run")
    assert "measure_model" not in planned(folder)
    shutil.rmtree(folder / "results/tiny/costs")
    (folder / "results/tiny/costs.csv").unlink()
    with_costs = planned(folder)
    plan = plan_of(folder)
    edit(folder, lambda value: value.pop("measure"))
    without = planned(folder)
    asked = {"measure_model": 2, "collect_costs": 1}
    assert with_costs == without | asked, "nothing is trained, embedded or scored for it"
    assert {rule: plan[rule] for rule in asked} == asked
    less = SECTION | {"runtimes": [], "tracks": ["sts"]}
    edit(folder, lambda value: value.update(measure=less))
    said = snakemake(folder, "results/tiny/costs.csv")
    job = said[said.index("rule measure_model") :]
    assert "threads: 2\n" in job[: job.index("resources:")]
    (made,) = (folder / "results/tiny/costs").rglob("manifest.json")
    assert made.parent == folder / PLACE
    assert not chosen(rows_of(folder), "latency_p50")


def test_what_the_page_says_to_type_works_on_a_measured_run(measured, tmp_path, capsys):
    page = (ROOT / "docs" / "what-a-size-costs.md").read_text()
    blocks = re.findall(r"^```(yaml|)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (section,) = (yaml.safe_load(text) for kind, text in blocks if kind == "yaml")
    (command,) = (text for kind, text in blocks if text.startswith("starbench advise"))
    folder = shutil.copytree(measured, tmp_path / "run")
    edit(folder, lambda value: value.update(section))
    load_config(folder / "run.yaml")
    shutil.copy(folder / "run.yaml", folder / "results/tiny/config.yaml")
    words = shlex.split(command.replace("--run demo", f"--run {folder / 'results/tiny'}"))
    assert main(words[1:]) == 0
    said = capsys.readouterr().out
    assert "Take Starbucks at" in said
    # The run keeps values by query: one size of four is the best, and others may be no worse.
    assert main([*words[1:], "--loss", "99%"]) == 0
    told = capsys.readouterr().out
    assert "difference to the best" in told or "the best of the run" in told


def test_the_report_shows_scores_against_costs(measured, tmp_path):
    folder = shutil.copytree(measured, tmp_path / "run")
    assert starbench(folder, "data", "--leakage") == 0
    assert starbench(folder, "report", "--threads", "1") == 0
    root = folder / "results/tiny"
    for group in ("sts", "retrieval", "out_of_domain"):
        assert (root / f"figures/{group}_pareto.png").stat().st_size > 10_000
    summary = (root / "summary.md").read_text()
    assert "## What sizes cost" in summary
    assert "(figures/retrieval_pareto.png)" in summary
    with (root / "tables/pareto.csv").open() as file:
        options = list(csv.DictReader(file))
    costs = rows_of(folder)
    for option in options:
        track = "sts" if option["group"] == "sts" else "retrieval"
        of = {"track": track, "layers": option["layers"], "runtime": "torch"}
        assert float(option["latency"]) == value_of(costs, "latency_p50", **of)
        assert float(option["low"]) <= float(option["quality"]) <= float(option["high"])
