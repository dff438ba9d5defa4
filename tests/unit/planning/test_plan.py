"""`starbench plan`: sizes of datasets, when jobs run, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from starbench.cli import main
from starbench.config.reading import load_config, parse_config
from starbench.errors import InputError
from starbench.planning.command import parse_bytes, parse_records
from starbench.planning.costs import Cost, Costs
from starbench.planning.datasets import dataset_size
from starbench.planning.devices import device_named, shipped
from starbench.planning.jobs import PlannedJob
from starbench.planning.plan import in_bytes, in_time, make_plan
from starbench.planning.schedule import busy_seconds, schedule
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset

ROOT = Path(__file__).parents[3]
DEMO, PAPER = ROOT / "config" / "demo.yaml", ROOT / "config" / "paper.yaml"
TINY = ROOT / "tests" / "workflow" / "tiny.yaml"
HOUR = 3600


def plan_of(path, results, device="h100", units=None, **stated):
    config = load_config(path)
    paths = RunPaths.of(config, results)
    return make_plan(config, paths, device_named(device), units, stated)


def refused(capsys, *arguments):
    """The one line on what is wrong with a plan."""
    assert main(["plan", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The plan of the paper on eight H100, before anything is fetched."""
    return plan_of(PAPER, tmp_path_factory.mktemp("results"), units=8)


def stage(plan, name):
    return next(row for row in plan.rows if row.stage == name)


def test_the_docs_show_the_plan_of_the_paper(tmp_path, capsys):
    options = ["--device", "h100", "--gpus", "8", "--markdown", "--results", str(tmp_path)]
    assert main(["plan", "--configfile", str(PAPER), *options]) == 0
    assert capsys.readouterr().out in (ROOT / "docs" / "paper.md").read_text()


def test_the_paper_is_pretrained_within_the_time_that_its_authors_allowed(paper):
    """8 H100 and at most 80 hours (their job script); 149 million texts, about 290,000 steps."""
    (pretraining,) = [job for job in paper.jobs if job.stage == "pretrain"]
    assert pretraining.cost.units == 8
    assert 80 / 8 * HOUR < pretraining.cost.seconds < 80 * HOUR


def test_embeddings_of_the_paper_are_as_large_as_its_index(paper):
    """Flat indexes of MS MARCO in 32 bits have 1.13 to 27.2 GB from demi to trenta; here 16."""
    shards = [
        job.cost.stored
        for job in paper.jobs
        if job.name.startswith("embeddings/retrieval/bert-srl/seed-42/msmarco-dev/")
    ]
    index = (1.13 + 2.26 + 4.53 + 9.05 + 18.1 + 27.2) * 1e9 / 2
    assert sum(shards) == pytest.approx(index, rel=0.01)


def test_more_gpus_take_less_time_and_no_fewer_hours(paper, tmp_path):
    more = plan_of(PAPER, tmp_path, units=16)
    assert more.total.wall_seconds < paper.total.wall_seconds
    assert more.total.device_seconds == pytest.approx(paper.total.device_seconds)
    assert sum(row.jobs for row in paper.rows) == paper.total.jobs == len(paper.jobs)


def test_planning_imports_no_torch_and_takes_a_second(tmp_path):
    code = (
        "import sys; from starbench.cli import main; "
        f"main(['plan', '--config', {str(PAPER)!r}, '--results', {str(tmp_path)!r}]); "
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plan_that_does_not_fit_is_refused_in_one_line(tmp_path, capsys):
    given = ("--config", PAPER, "--results", tmp_path, "--device", "h100")
    line = refused(capsys, *given, "--disk", "500GB")
    assert line.startswith("error: the plan needs 1.0 TB of disk, there are 500 GB; most of it")
    assert main(["plan", *map(str, given), "--disk", "2TB"]) == 0
    capsys.readouterr()
    line = refused(capsys, *given, "--memory", "10GB")
    assert line.startswith("error: stage pretrain needs 12 GB of GPU memory, there are 10 GB")
    # On one GPU each half of a step's 512 texts is at once in its memory.
    line = refused(capsys, *given, "--gpus", "1", "--memory", "40GB")
    assert line.startswith("error: stage pretrain needs 68 GB of GPU memory, there are 40 GB")


def test_a_dataset_of_unknown_size_is_named_with_how_to_state_it(tmp_path, capsys):
    value = yaml.safe_load(PAPER.read_text())
    value["datasets"]["fineweb"]["name"] = "somebody/texts"
    value["datasets"]["msmarco-dev"]["qrels"]["ir_datasets"] = "msmarco-passage/dev"
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(value))
    line = refused(capsys, "--config", path)
    assert "dataset 'msmarco-dev': nothing tells its size before it is fetched" in line
    assert "--records msmarco-dev=PASSAGES/QUERIES" in line
    line = refused(capsys, "--config", path, "--records", "msmarco-dev=1000000/100")
    assert "--records fineweb=RECORDS" in line
    plan = plan_of(path, tmp_path, fineweb=(149_000_000, None), **{"msmarco-dev": (10**6, 100)})
    assert plan.origins["fineweb"] == plan.origins["msmarco-dev"] == "stated"
    line = refused(capsys, "--config", DEMO, "--records", "storys=5")
    assert "the config has no dataset 'storys' (did you mean 'stories'?)" in line


def test_a_checkpoint_of_unknown_shape_is_named(tmp_path, capsys):
    value = yaml.safe_load(PAPER.read_text())
    value["backbones"]["bert"]["checkpoint"]["name"] = "somebody/bert"
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(value))
    line = refused(capsys, "--config", path)
    assert "backbone 'bert': the shape of checkpoint 'somebody/bert' is not known" in line


@pytest.mark.parametrize(
    "name", ["stories", "entailments", "paraphrase", "questions", "library", "archive"]
)
def test_what_is_planned_of_a_dataset_is_what_is_fetched(name, tmp_path):
    config = load_config(DEMO)
    paths = RunPaths.of(config, tmp_path)
    before = dataset_size(config, paths, name, {})
    fetch_dataset(config, paths, name)
    after = dataset_size(config, paths, name, {})
    assert (before.origin, after.origin) == ("generated", "fetched")
    assert (before.records, before.queries) == (after.records, after.queries)
    assert before.texts.mean == pytest.approx(after.texts.mean, rel=0.1)
    assert before.asked.mean == pytest.approx(after.asked.mean, rel=0.1)
    assert before.bytes == pytest.approx(after.bytes, rel=0.5)


DEMO_SECONDS = 563
"""From start to end on two cores (README.md)."""
DEMO_JOBS = {
    "backbones/bert-smae/seed-42": 63.7,
    "models/sts/bert-2dmse/seed-42": 42.8,
    "models/sts/bert-separate-n1-d4/seed-42": 14.7,
    "models/retrieval/bert-separate-n1-d4/seed-42": 12.5,
    "embeddings/sts/bert-2dmse/seed-42": 9.1,
    "embeddings/retrieval/bert/seed-42": 6.6,
    "scores/retrieval/bert-separate-n3-d16/seed-42": 1.7,
    "significance.csv": 4.6,
    "report": 11.2,
}
"""Seconds of jobs where `xeon-core` was measured, which had a core for most of their time."""


def test_the_demo_is_planned_near_its_measured_time(tmp_path):
    plan = plan_of(DEMO, tmp_path, "xeon-core", 2)
    assert DEMO_SECONDS / 1.5 < plan.total.wall_seconds < DEMO_SECONDS * 1.5
    planned = {job.name: job.cost.seconds for job in plan.jobs}
    for name, measured in DEMO_JOBS.items():
        assert measured / 1.5 < planned[name] < measured * 1.5, name


def test_fewer_gpus_than_a_job_asks_for_are_said(tmp_path, capsys):
    given = ("--config", str(PAPER), "--results", str(tmp_path), "--memory", "1TB")
    given = (*given, "--device", "h100", "--gpus")
    assert main(["plan", *given, "4"]) == 0
    assert "asks for 8 GPUs: set its stage's compute.gpus to 4" in capsys.readouterr().out
    assert main(["plan", *given, "8"]) == 0
    assert "asks for" not in capsys.readouterr().out


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def folders(tmp_path):
    """A config of folder datasets of every kind, and its data root."""
    root = tmp_path / "data"
    beir = root / "beir"
    (beir / "qrels").mkdir(parents=True)
    words = "the old boat near a red park was seen by some child today".split()
    texts = [" ".join(words[n % 5 : 5 + n % 7]) + f" {n}" for n in range(200)]
    write_jsonl(beir / "corpus.jsonl", [{"_id": f"p{n}", "text": t} for n, t in enumerate(texts)])
    asked = [{"_id": f"q{n}", "text": f"which {texts[n]}?"} for n in range(8)]
    write_jsonl(beir / "queries.jsonl", asked)
    for split, queries in (("train", range(3)), ("test", range(3, 8))):
        judged = "".join(f"q{n}\tp{n}\t1\n" for n in queries)
        (beir / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    write_jsonl(root / "stories.jsonl", [{"text": text} for text in texts])
    pairs = [
        {"sentence1": text, "sentence2": texts[0], "score": number % 6}
        for number, text in enumerate(texts[:40])
    ]
    (root / "pairs").mkdir()
    write_jsonl(root / "pairs" / "test.jsonl", pairs)
    value = yaml.safe_load(TINY.read_text()) | {"data_root": str(root)}
    value["datasets"] |= {
        "stories": {"kind": "text", "source": "folder", "name": "stories"},
        "paraphrase": {"kind": "pairs", "source": "folder", "name": "pairs"},
        "library": {"kind": "collection", "source": "folder", "name": "beir"},
        "questions": {
            "kind": "training-queries",
            "source": "folder",
            "name": "beir",
            "split": "train",
        },
    }
    return parse_config(value)


@pytest.mark.parametrize("name", ["stories", "paraphrase", "library", "questions"])
def test_folders_are_counted_as_they_are_fetched(name, folders, tmp_path):
    paths = RunPaths.of(folders, tmp_path)
    before = dataset_size(folders, paths, name, {})
    fetch_dataset(folders, paths, name)
    after = dataset_size(folders, paths, name, {})
    assert (before.origin, after.origin) == ("on disk", "fetched")
    for fact in ("records", "queries", "texts_per_record", "distinct"):
        assert getattr(before, fact) == getattr(after, fact), fact
    assert before.texts.mean == pytest.approx(after.texts.mean, rel=0.1)
    assert before.asked.mean == pytest.approx(after.asked.mean, rel=0.1)


def test_a_text_that_stands_in_many_pairs_is_embedded_once(folders, tmp_path):
    size = dataset_size(folders, RunPaths.of(folders, tmp_path), "paraphrase", {})
    assert size.distinct == 40 / 80


def test_rows_of_the_config_limit_what_is_known():
    value = yaml.safe_load(PAPER.read_text())
    value["datasets"]["fineweb"]["rows"] = 1000
    config = parse_config(value)
    size = dataset_size(config, RunPaths.of(config, Path("nowhere")), "fineweb", {})
    assert size.records == 1000


def test_fewer_bits_and_small_queries_are_planned_beside_what_there_is(tmp_path):
    value = yaml.safe_load(DEMO.read_text())
    value["tracks"]["retrieval"] |= {"bits": {}, "asymmetric": True}
    value["tracks"]["sts"]["bits"] = {}
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(value))
    before, after = plan_of(DEMO, tmp_path), plan_of(tmp_path / "more.yaml", tmp_path)
    added = {job.name: job for job in after.jobs}
    for job_before in before.jobs:
        added.pop(job_before.name)
    rules = [job.rule for job in added.values()]
    # Four systems and one with a model for each of six sizes, one of which is another's.
    assert rules.count("score_bits") == 2 * (4 + 5)
    assert rules.count("score_asymmetric") == 4
    assert len(rules) == 18 + 4
    scored = {job.name: job for job in after.jobs if job.rule == "score_model"}
    for name, job_of in added.items():
        if job_of.rule == "score_bits" and "/bert-srl/" in name:
            once = scored[name.replace("bits/", "scores/")]
            assert once.cost.seconds < job_of.cost.seconds < 20 * once.cost.seconds


def job(name, seconds, units, *needs):
    return PlannedJob(name, "rule", "stage", needs, Cost(seconds, units))


def test_jobs_wait_for_what_they_need_and_for_free_devices():
    jobs = [
        job("data", 1, 0),
        job("long", 10, 1, "data"),
        job("short", 2, 1, "data"),
        job("both", 3, 2, "long", "short"),
        job("after-long", 1, 1, "long"),
    ]
    two = schedule(jobs, 2)
    assert two["long"] == (1, 11)
    assert two["short"] == (1, 3)
    assert two["both"] == (11, 14)
    assert two["after-long"] == (14, 15)
    one = schedule([*jobs[:3], jobs[4]], 1)
    assert one["long"] == (1, 11)
    assert {one["short"], one["after-long"]} == {(11, 13), (13, 14)}
    assert busy_seconds([(0, 2), (1, 3), (5, 6)]) == 4


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_device_plans_the_demo(name, tmp_path):
    plan = plan_of(DEMO, tmp_path, name)
    assert 0 < plan.total.wall_seconds < 24 * HOUR
    assert plan.total.stored > 1e8


def test_a_processor_refuses_fp16_as_the_run_would(tmp_path, capsys):
    line = refused(capsys, "--config", PAPER, "--device", "laptop-core")
    assert "precision fp16 needs a GPU" in line


def test_devices_are_named_or_read_from_a_file(tmp_path, capsys):
    assert "no device 'h10' (did you mean 'h100'?)" in refused(
        capsys, "--config", DEMO, "--device", "h10"
    )
    assert "no device file x.yaml" in refused(capsys, "--config", DEMO, "--device", "x.yaml")
    path = tmp_path / "device.yaml"
    path.write_text("name: x\n")
    assert "device.yaml: no device file: " in refused(
        capsys, "--config", DEMO, "--device", str(path)
    )
    values = shipped()["laptop-core"].model_dump() | {"name": "mine", "cores": 3}
    path.write_text(yaml.safe_dump(values))
    assert device_named(str(path)) == shipped()["laptop-core"].model_copy(
        update={"name": "mine", "cores": 3}
    )
    line = refused(capsys, "--config", DEMO, "--gpus", 2, "--device", str(path))
    assert "use --cores" in line


def test_measured_rates_are_read_between_widths():
    values = shipped()["laptop-core"].model_dump()
    values["measured"] = {"training": {"fp32": {100: 1e9, 400: 4e9}}}
    device = type(shipped()["h100"]).model_validate(values)
    rates = [device.rate("training", "fp32", width) for width in (50, 100, 200, 400, 1000)]
    assert rates == pytest.approx([1e9, 1e9, 2e9, 4e9, 4e9])
    with pytest.raises(InputError, match="no rate for training in bf16"):
        device.rate("training", "bf16", 100)


def test_sizes_and_records_are_read_as_people_write_them():
    assert parse_bytes("500GB") == 5e11
    assert parse_bytes(" 1.5 tb") == 1.5e12
    assert parse_bytes("1GiB") == 2**30
    assert parse_records(["a=5", "b=10/2"]) == {"a": (5, None), "b": (10, 2)}
    for text in ("500", "GB", "1XB", "1KB"):
        with pytest.raises(InputError, match="write it like 500GB"):
            parse_bytes(text)
    for text in ("a", "a=", "a=x", "a=1/", "=1"):
        with pytest.raises(InputError, match="NAME=RECORDS"):
            parse_records([text])
    assert [in_bytes(count) for count in (0, 5e6, 23e9, 1.02e12)] == [
        "0.0 MB",
        "5.0 MB",
        "23 GB",
        "1.0 TB",
    ]
    assert [in_time(s) for s in (5, 90, 3599, 5400, 90000)] == [
        "5 s",
        "1.5 min",
        "60 min",
        "1.5 h",
        "25 h",
    ]


def test_a_stage_of_the_tiny_run_costs_its_start_at_least(tmp_path):
    config = load_config(TINY)
    device = device_named("laptop-core")
    plan = make_plan(config, RunPaths.of(config, tmp_path), device, 2, {})
    costs = Costs(config, RunPaths.of(config, tmp_path), device, {}, 2)
    assert costs.units == 2
    started = device.host.start_s
    assert stage(plan, "finetune").device_seconds > 6 * started["finetune"]
    assert plan.total.wall_seconds < 300
