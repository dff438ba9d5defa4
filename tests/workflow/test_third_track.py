"""A third track is two files, its declaration and its scorer: the whole flow then has it."""

import csv
import os
import shutil
import subprocess

import pytest
import yaml

from tests.workflow.tiny import BIN, ENVIRONMENT, ROOT, TINY

DECLARATION = '''"""Track `duplicates`: whether two texts say the same."""

from starbench.tracks.track import GroupOfDatasets, Test, Track

TRACK = Track(
    name="duplicates",
    title="duplicates",
    trains=("triplets",),
    scores="pairs",
    embeds=("pairs",),
    metric=lambda dataset: "accuracy",
    groups=(GroupOfDatasets("duplicates", "duplicate texts", "Duplicates", ("tasks",)),),
    tests={"bootstrap": Test("paired bootstrap", "a paired bootstrap of the pairs")},
    scorer="starbench.stages.evaluate.duplicates:score",
    comparison="starbench.stages.evaluate.compared_pairs:compare",
    cost="starbench.planning.scoring:score_pairs",
)
'''
SCORER = '''"""Duplicates: are the closer half of the pairs those of the higher gold scores?"""

import numpy as np

from starbench.run.texts import texts_of
from starbench.stages.evaluate.task import Scored, Task
from starbench.store.arrays import save_array
from starbench.store.records import read_records
from starbench.store.scores import SCORES, SIMILARITIES, write_scores


def score(task: Task) -> Scored:
    rows = read_records(task.paths.dataset(task.dataset))
    (embeddings,) = task.embeddings
    row_of = {text: row for row, text in enumerate(texts_of(rows))}
    sides = [[row_of[text] for text in rows[key]] for key in ("sentence1", "sentence2")]
    gold = np.asarray(rows["score"])
    scores, cosines = [], []
    for cell in task.model.cells:
        one, other = (embeddings.at(cell)[side].astype(np.float32) for side in sides)
        norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines.append((one * other).sum(axis=1) / norms)
        same = (cosines[-1] > np.median(cosines[-1])) == (gold > np.median(gold))
        scores += task.scores(cell, "accuracy", float(same.mean()), len(gold))
    task.folder.mkdir(parents=True, exist_ok=True)
    save_array(task.folder / SIMILARITIES, np.stack(cosines))
    write_scores(task.folder / SCORES, scores)
    return Scored([SCORES, SIMILARITIES], [])
'''


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout with a third track: nothing that it has is changed."""
    copy = tmp_path / "checkout"
    for part in ("workflow", "envs", "src"):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(ROOT / part, copy / part, ignore=ignored)
    package = copy / "src" / "starbench"
    for path, text in (
        (package / "tracks" / "duplicates.py", DECLARATION),
        (package / "stages" / "evaluate" / "duplicates.py", SCORER),
    ):
        assert not path.exists()
        path.write_text(text)
    return copy


def config() -> dict:
    """The tiny run with two systems on the third track alone, and few steps."""
    value = yaml.safe_load(TINY.read_text())
    sts = value["tracks"].pop("sts")
    value["tracks"] = {"duplicates": sts | {"finetuning": sts["finetuning"] | {"steps": 2}}}
    value["backbones"]["base"]["pretraining"]["steps"] = 2
    del value["backbones"]["base-smae"]
    value["systems"] = {
        "base": {"display": "Base", "backbone": "base", "objective": "untouched"},
        "srl": {"display": "SRL", "backbone": "base", "objective": "srl"},
    }
    value["report"] = {"resamples": 100, "duplicates_test": "bootstrap"}
    return value


def test_two_files_bring_a_track_into_scores_tests_tables_and_plans(checkout, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "run.yaml").write_text(yaml.safe_dump(config(), sort_keys=False))
    source = os.pathsep.join(filter(None, [str(checkout / "src"), os.environ.get("PYTHONPATH")]))
    for command in (
        ["snakemake", "--snakefile", checkout / "workflow" / "Snakefile", "--cores", "2"],
        ["starbench", "plan", "--device", "h100"],
    ):
        done = subprocess.run(
            [BIN / command[0], *command[1:], "--configfile", "run.yaml"],
            cwd=folder,
            env=ENVIRONMENT | {"PYTHONPATH": source},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    run = folder / "results" / "tiny"
    with (run / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["track"], row["metric"]) for row in rows} == {("duplicates", "accuracy")}
    table = (run / "tables" / "duplicates.md").read_text()
    best = max(float(row["value"]) for row in rows if row["system"] == "srl")
    assert "SRL" in table and f"{best:.4f}".lstrip("0") in table
    assert "duplicates" in (run / "significance.csv").read_text()
    assert (run / "figures" / "duplicates_heatmaps.png").is_file()
