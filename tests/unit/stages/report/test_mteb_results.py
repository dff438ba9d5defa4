"""A run's scores in MTEB's own layout: MTEB loads every size, and puts none together."""

import json
import math

import mteb
import pytest
import yaml

from starbench.cli import main
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.mteb_names import measure_name, task_names
from starbench.store.scores import SCORES, Score, write_scores
from tests.unit.runs import tiny_config, tiny_value

OFFICIAL = {"kind": "pairs", "source": "hub", "name": "mteb/sts12-sts", "revision": "a0d554a6"}
LIBRARY = {"kind": "collection", "source": "micro", "rows": 40, "metric": "RR@10"}
SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]


def value() -> dict:
    systems = ("one", "other")
    trained = {"dataset": "train", "batch_size": 8, "steps": 10, "learning_rate": 1.0e-3}
    return tiny_value(
        seeds=[1, 2],
        datasets={"sts12": OFFICIAL | {"split": "test"}, "library": LIBRARY},
        systems={name: {"backbone": "tiny", "objective": "srl"} for name in systems},
        tracks={
            "sts": {"tasks": ["sts12"], "finetuning": trained},
            "retrieval": {"tasks": ["library"], "finetuning": trained},
        },
        report={"compared_system": "one"},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run: its config, its scores and its manifest; and the scores."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(value()))
    manifest = {
        "versions": {"mteb": "2.26.24"},
        "fetched": {"data/sts12": {"commits": {"revision": "a" * 40}}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    scores = []
    for number, system in enumerate(("one", "other")):
        for seed in (1, 2):
            for size in SIZES:
                made = 0.1 * number + 0.02 * seed + 0.001 * size.layers
                for track, dataset, metrics in (
                    ("sts", "sts12", ("cosine_spearman", "cosine_pearson")),
                    ("retrieval", "library", ("RR@10", "nDCG@10")),
                ):
                    scores += [
                        Score(system, seed, size, track, dataset, metric, made + 0.3 * place, 40)
                        for place, metric in enumerate(metrics)
                    ]
    bm25 = Score("bm25", 1, None, "retrieval", "library", "RR@10", 0.5, 4)
    write_scores(folder / SCORES, [*scores, bm25])
    return folder, scores


def test_mteb_loads_every_size_seed_and_task_with_its_scores(run, tmp_path):
    folder, scores = run
    assert main(["mteb", "--run", str(folder), "--export", str(tmp_path / "cache")]) == 0
    loaded = mteb.ResultCache(tmp_path / "cache").load_results(load_experiments="match_name")
    found = {
        (result.model_name, result.model_revision, task.task_name, key): number
        for result in loaded.model_results
        for task in result.task_results
        for key, number in task.scores["test"][0].items()
        if isinstance(number, float)
    }
    spelt = {"RR@10": "mrr_at_10", "nDCG@10": "ndcg_at_10"}
    called = {"sts12": "STS12", "library": "library"}
    assert len(found) == len(scores) * 3 // 2  # and each task's main score
    for score in scores:
        name = f"starbench/tiny-{score.system}-{score.track}-{score.size}"
        key = (name, f"seed-{score.seed}", called[score.dataset])
        assert found[*key, spelt.get(score.metric, score.metric)] == pytest.approx(score.value)
        if score.metric in ("cosine_spearman", "RR@10"):
            assert found[*key, "main_score"] == pytest.approx(score.value)
    experiments = {result.experiment_name for result in loaded.model_results}
    assert experiments == {f"embed_dim_{s.dim}__n_layers_{s.layers}" for s in SIZES}
    one = "starbench__tiny-one-sts-n2-d8/seed-1/experiments/embed_dim_8__n_layers_2"
    place = tmp_path / "cache" / "results" / one
    assert sorted(path.name for path in place.iterdir()) == ["STS12.json", "model_meta.json"]
    meta = json.loads((place / "model_meta.json").read_text())
    assert meta["experiment_kwargs"] == {"embed_dim": 8, "n_layers": 2}


def test_the_table_of_mteb_averages_no_sizes_and_one_size_can_be_asked_for(run, tmp_path):
    folder, _ = run
    assert main(["mteb", "--run", str(folder), "--export", str(tmp_path)]) == 0
    cache = mteb.ResultCache(tmp_path)
    table = cache.load_results(load_experiments="match_name").to_dataframe(
        include_model_revision=True, format="long"
    )
    assert len(table) == 2 * 2 * len(SIZES) * 2
    assert table["score"].nunique() == 2 * 2 * len(SIZES)
    wanted = {"embed_dim": 8, "n_layers": 2}
    alone = cache.load_results(experiment_kwargs=wanted).model_results
    assert {r.model_name.rsplit("-", 2)[1] for r in alone} == {"n2"} and len(alone) == 8


def test_data_of_mteb_have_its_name_and_their_commit_and_others_are_local(run, tmp_path):
    folder, _ = run
    assert main(["mteb", "--run", str(folder), "--export", str(tmp_path)]) == 0
    loaded = mteb.ResultCache(tmp_path).load_results(load_experiments="match_name")
    found = {
        task.task_name: (task.dataset_revision, task.mteb_version)
        for result in loaded.model_results
        for task in result.task_results
    }
    assert found == {"STS12": ("a" * 40, "2.26.24"), "library": ("local", None)}


@pytest.mark.parametrize(
    "change",
    [{"rows": 10}, {"split": "train"}, {"name": "someone/sts12-sts"}, {"without": ["train"]}],
    ids=str,
)
def test_what_is_not_all_of_a_tasks_data_is_local(change):
    changed = value()
    changed["datasets"]["sts12"] |= change
    config = tiny_config(**changed)
    assert task_names(config, ["sts12"], {})["sts12"][:2] == ("sts12", "local")


def test_two_datasets_of_one_name_keep_those_of_the_config():
    changed = value()
    changed["datasets"]["again"] = changed["datasets"]["sts12"]
    names = task_names(tiny_config(**changed), ["sts12", "again", "library"], {})
    assert {key: task.name for key, task in names.items()} == {
        "sts12": "sts12",
        "again": "again",
        "library": "library",
    }


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("R@100", "recall_at_100"), ("AP@5", "map_at_5"), ("AP", "AP"), ("cosine_pearson",) * 2],
)
def test_measures_are_spelt_as_mteb_spells_them(metric, expected):
    assert measure_name(metric) == expected


def test_a_score_that_is_no_number_is_loaded_as_one(run, tmp_path):
    folder, _ = run
    other = tmp_path / "tiny"
    other.mkdir()
    (other / "config.yaml").write_text((folder / "config.yaml").read_text())
    nan = Score("one", 1, SIZES[0], "sts", "sts12", "cosine_spearman", math.nan, 40)
    write_scores(other / SCORES, [nan])
    assert main(["mteb", "--run", str(other), "--export", str(tmp_path / "e")]) == 0
    (result,) = mteb.ResultCache(tmp_path / "e").load_results(load_experiments="match_name")
    assert math.isnan(result.task_results[0].get_score())
    assert RunPaths(other).all_scores.is_file()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--run", "."], "has no config.yaml: give the folder of a run"),
        (["--config", "c.yaml", "--run", "."], "not allowed with argument"),
        ([], "one of the arguments --run --config"),
    ],
    ids=str,
)
def test_what_is_no_run_is_told_in_a_line(given, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["mteb", "--export", "out", *given])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_told(run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["mteb", "--run", str(run[0]), "--export", str(tmp_path / "file")]) == 2
    assert "that is a file, not a folder" in capsys.readouterr().err
