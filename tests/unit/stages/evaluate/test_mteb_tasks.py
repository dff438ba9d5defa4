"""Tasks of MTEB on stored embeddings equal MTEB on the exported sizes, of every kind of task."""

import csv
import json

import mteb
import pytest
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from starbench.errors import InputError
from starbench.run.exports import asked_exports
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_texts
from starbench.stages.evaluate.collect import collect_run
from starbench.stages.evaluate.differences import compare_systems
from starbench.stages.evaluate.run import score_model
from starbench.stages.export.run import export_model
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.mteb_results import export_results
from starbench.stages.report.run import write_report
from tests.conftest import WIDTH
from tests.unit.runs import tiny_config
from tests.unit.stages.evaluate.own_tasks import (
    CLASSES,
    TEST,
    TRAIN,
    numbered,
    reference,
    write_all,
)

MODEL = ("mteb", "tiny", 1)
FOLDERS = {"STS": "pairs", "PairClassification": "pairs", "Clustering": "topics"}
FOLDERS |= {"Classification": "topics", "Retrieval": "library", "Reranking": "library"}
PROMPTS = {"query": "the red ", "document": "a small ", "STS": "old ", "Clustering": "today "}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_checkpoint):
    """A SentenceTransformer that normalises and has prompts for roles and types of tasks."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    modules = [Transformer(str(tiny_checkpoint)), Pooling(WIDTH), Normalize()]
    SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, checkpoint):
    """A run of every kind of task, scored: (config, paths)."""
    root = tmp_path_factory.mktemp("run")
    write_all(root / "data")
    kind = {"kind": "task", "source": "folder"}
    datasets = {name: kind | {"name": folder, "task": name} for name, folder in FOLDERS.items()}
    official = {"name": "topics", "task": "Banking77Classification", "display": "Banking"}
    config = tiny_config(
        data_root=str(root / "data"),
        datasets=datasets | {"official": kind | official},
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
        systems={"tiny": {"backbone": "tiny", "objective": "untouched"}},
        tracks={"mteb": {"tasks": [*datasets, "official"], "grid": "diagonal"}},
        report={"published": "none", "resamples": 100},
        export={"onnx": False},
    )
    paths = RunPaths.of(config, root / "results")
    for name in config.tracks["mteb"].tasks:
        fetch_dataset(config, paths, name)
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, *MODEL)
    embed_texts(config, paths, *MODEL)
    score_model(config, paths, *MODEL)
    collect_run(config, paths)
    return config, paths


@pytest.fixture(scope="module")
def scores(run):
    """{(dataset, size): main score}."""
    with run[1].all_scores.open() as file:
        return {(r["dataset"], r["size"]): float(r["value"]) for r in csv.DictReader(file)}


@pytest.fixture(scope="module")
def exported(run):
    """The exported sizes, loaded."""
    config, paths = run
    sizes = [Size(2, 8), Size(4, 16)]
    return {
        str(one.size): SentenceTransformer(str(export_model(config, paths, one)), device="cpu")
        for one in asked_exports(config, "tiny", sizes, ["mteb"], None)
    }


def by_mteb(model, task):
    result = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    return result.task_results[0]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_task_of_each_kind_equals_mteb_on_the_exported_size(kind, exported, scores, run):
    for size, model in exported.items():
        expected = by_mteb(model, reference(kind)).scores["test"][0]
        assert scores[kind, size] == pytest.approx(expected["main_score"], abs=1e-6)
        stored = run[1].scores(*MODEL) / kind / "tasks" / f"{size}.json"
        found = json.loads(stored.read_text())["scores"]["test"][0]
        numbers = {key: n for key, n in expected.items() if isinstance(n, float) and n == n}
        assert len(numbers) >= 3
        assert {key: found[key] for key in numbers} == pytest.approx(numbers, abs=2e-6)


def test_a_task_of_mteb_is_run_on_ones_own_data(exported, scores):
    task = mteb.get_task("Banking77Classification")
    splits = {"train": TRAIN, "test": TEST}
    task.dataset = DatasetDict(
        {
            split: Dataset.from_dict({"text": [r["text"] for r in rows], "label": numbered(rows)})
            for split, rows in splits.items()
        }
    )
    task.data_loaded = True
    for size, model in exported.items():
        expected = by_mteb(model, task).get_score()
        assert scores["official", size] == pytest.approx(expected, abs=1e-6)


def test_every_cell_is_scored_and_sizes_differ(run, scores):
    config, _ = run
    cells = {str(cell) for cell in config.trained_sizes}
    for name in config.tracks["mteb"].tasks:
        found = [value for (dataset, _), value in scores.items() if dataset == name]
        assert len(found) == len(cells) == 3 and len(set(found)) == 3, name
    assert {size for _, size in scores} == cells


def test_texts_are_embedded_once_with_the_prompt_of_their_role_and_type(run):
    _, paths = run
    found = {
        name: json.loads((paths.embeddings(*MODEL) / name / "manifest.json").read_text())
        for name in FOLDERS
    }
    assert found["Retrieval"]["prompt"] == {"query": "the red ", "passage": "a small "}
    assert found["STS"]["prompt"] == {"text": "old "}
    assert found["Clustering"]["prompt"] == {"text": "today "}
    assert found["Classification"]["prompt"] == {"text": ""}
    assert found["Clustering"]["texts"] == len({row["text"] for row in TEST})
    assert found["Retrieval"]["texts"] <= 30 + 9


def test_the_results_of_mteb_are_exported_as_they_are(run, tmp_path):
    config, paths = run
    export_results(config, paths, tmp_path)
    loaded = mteb.ResultCache(tmp_path).load_results(load_experiments="match_name")
    found = {
        task.task_name: (task.dataset_revision, len(task.scores["test"][0]))
        for result in loaded.model_results
        for task in result.task_results
    }
    assert set(found) == {*FOLDERS, "Banking77Classification"}
    assert {revision for revision, _ in found.values()} == {"local"}
    assert min(measured for _, measured in found.values()) > 5
    assert len(loaded.model_results) == 3


def test_the_report_shows_the_tasks_and_tests_none(run):
    config, paths = run
    compare_systems(config, paths)
    assert len(paths.significance.read_text().splitlines()) == 1
    write_report(config, paths, 1)
    table = (paths.root / "tables" / "mteb.md").read_text()
    assert "Banking" in table and table.count("|") > 20
    assert (paths.root / "figures" / "mteb_heatmaps.png").is_file()


def test_embeddings_of_other_texts_are_refused(run):
    config, paths = run
    value = config.model_dump(mode="json", exclude_unset=True)
    value["datasets"]["Clustering"]["rows"] = 20
    changed = tiny_config(**value)
    fetch_dataset(changed, paths, "Clustering")
    with pytest.raises(InputError, match="embeddings of another model, dataset or config"):
        score_model(changed, paths, *MODEL)
