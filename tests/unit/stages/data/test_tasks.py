"""Fetching tasks of MTEB on one's own data: what they embed, and one line for what is wrong."""

import json

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.store.manifest import read_manifest
from starbench.store.records import TEXTS, read_records
from starbench.store.tasks import StoredTask
from tests.unit.runs import tiny_value
from tests.unit.stages.evaluate.own_tasks import (
    CORPUS,
    QUERIES,
    TEST,
    TRAIN,
    write_all,
    write_lines,
)

LABELLED = [{"text": f"a text {number}", "label": "ab"[number % 2]} for number in range(8)]
PAIRS = [{"sentence1": f"a {n}", "sentence2": f"b {n}", "label": n % 2} for n in range(6)]


def fetched(root, **keys):
    """Fetch a task of a folder; return the folder of the dataset."""
    given = {"kind": "task", "source": "folder", "name": "mine"} | keys
    value = tiny_value(data_root=str(root), datasets={"mine": given}, run="fetched")
    config = parse_config(value)
    paths = RunPaths.of(config, root / "results")
    fetch_dataset(config, paths, "mine")
    return paths.dataset("mine")


def written(root, **splits):
    (root / "mine").mkdir()
    for split, rows in splits.items():
        write_lines(root / "mine" / f"{split}.jsonl", rows)
    return root


def test_all_texts_that_the_task_reads_are_kept_once_by_role(tmp_path):
    write_all(tmp_path)
    folder = fetched(tmp_path, name="library", task="Retrieval")
    rows = read_records(folder, TEXTS)
    of = {role: [r["text"] for r in rows if r["role"] == role] for role in set(rows["role"])}
    assert of["passage"] == list(dict.fromkeys(f"{t} {x}" for t, x in CORPUS.values()))
    assert of["query"] == list(dict.fromkeys(QUERIES.values()))
    assert rows["role"] == sorted(rows["role"], reverse=True)  # equal ones in a row
    assert [int(number) for number in rows["id"]] == list(range(len(rows)))
    manifest = read_manifest(folder)
    assert manifest["records"] == {TEXTS: len(rows)}
    assert "task/default/test/corpus.arrow" in manifest["files"]


def test_of_a_classification_only_the_drawn_examples_are_embedded(tmp_path):
    many = [{"text": f"text number {n}", "label": n % 2} for n in range(600)]
    few = [{"text": f"other {n}", "label": n % 2} for n in range(10)]
    folder = fetched(written(tmp_path, train=many, test=few), task="Classification")
    texts = set(read_records(folder, TEXTS)["text"])
    assert {row["text"] for row in few} < texts
    assert 16 <= len(texts) - 10 <= 10 * 16  # ten trials of eight examples of two labels


@pytest.mark.parametrize(("one", "other"), [("a", "b"), (9, 10), (0, 1), ("10", "x")], ids=str)
def test_labels_are_numbers_from_0_in_their_order(tmp_path, one, other):
    rows = [row | {"label": one if row["label"] == "a" else other} for row in LABELLED]
    folder = fetched(written(tmp_path, train=rows, test=rows), task="Classification")
    data = StoredTask(folder).data()["default"]
    for split in ("train", "test"):
        assert list(data[split]["label"]) == [int(row["label"] == other) for row in rows]


def test_a_damaged_file_of_a_task_is_refused(tmp_path):
    folder = fetched(written(tmp_path, test=LABELLED), task="Clustering")
    path = folder / "task" / "default" / "test" / "records.arrow"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"records\.arrow has \d+ bytes, not \d+ as recorded"):
        StoredTask(folder).data()


ONE = [*LABELLED, {"text": "alone", "label": "c"}]
BAD = {
    "no example of a label": (
        {"train": LABELLED, "test": ONE},
        {"task": "Classification"},
        r"dataset 'mine': the label 'c' of test has no example in train",
    ),
    "one example of a label": (
        {"train": ONE, "test": LABELLED},
        {"task": "Classification"},
        r"dataset 'mine': the label 'c' has one example in train: give at least 2",
    ),
    "one label": (
        {"test": [row | {"label": 1} for row in LABELLED]},
        {"task": "Clustering"},
        r"dataset 'mine': all of its texts have the label '1'",
    ),
    "nothing to train on": (
        {"test": LABELLED},
        {"task": "Classification"},
        r"dataset 'mine': a classification needs examples: give train\.jsonl",
    ),
    "no label": (
        {"test": [{"text": "a", "lable": 1}]},
        {"task": "Clustering"},
        r"mine/test\.jsonl:1: no field 'label' in the record \(did you mean 'lable'\?\)",
    ),
    "a pair's label": (
        {"test": [*PAIRS, {"sentence1": "a", "sentence2": "b", "label": 2}]},
        {"task": "PairClassification"},
        r"mine/test\.jsonl:7: field 'label' is '2': a pair's is 0 or 1",
    ),
    "pairs of one label": (
        {"test": [pair | {"label": 1} for pair in PAIRS]},
        {"task": "PairClassification"},
        r"dataset 'mine': all of its pairs have one label: give both 0 and 1",
    ),
    "an unknown task": (
        {"test": LABELLED},
        {"task": "Banking77Clasification"},
        r"MTEB has no task 'Banking77Clasification' \(did you mean 'Banking77Classification'\?\)",
    ),
    "a split that the task has not": (
        {"dev": LABELLED, "train": LABELLED},
        {"task": "Banking77Classification", "split": "dev"},
        r"MTEB's task Banking77Classification has no split 'dev' \(valid: test\)",
    ),
    "a task of another form": (
        {"test": LABELLED},
        {"task": "TwentyNewsgroupsClustering"},
        r"MTEB's task TwentyNewsgroupsClustering has data in a form of its own",
    ),
    "records instead of a collection": (
        {"test": LABELLED},
        {"task": "SciFact"},
        r"dataset 'mine': Retrieval needs a BEIR folder, with corpus\.jsonl",
    ),
    "no collection": (
        {"test": LABELLED},
        {"task": "Reranking"},
        r"no file .*mine/corpus\.jsonl",
    ),
}


@pytest.mark.parametrize(("files", "keys", "line"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_task_is_told_in_a_line(tmp_path, files, keys, line):
    written(tmp_path, **files)
    with pytest.raises(InputError, match=line) as told:
        fetched(tmp_path, **keys)
    assert "\n" not in str(told.value)
    left = tmp_path / "results" / "fetched" / "data" / "mine"
    assert not left.exists() or list(left.iterdir()) == []


KEYS = {
    "no task": ({}, "'task' is for datasets of kind task, which need it"),
    "of another kind": ({"kind": "pairs", "task": "STS"}, "'task' is for datasets of kind task"),
    "misspelt": ({"task": "clustring"}, "no task 'clustring'"),
    "without": ({"task": "STS", "without": ["train"]}, "'without' is for records of pairs"),
    "no task of MTEB": ({"source": "mteb", "kind": "pairs"}, "the source mteb gives tasks"),
    "some rows of MTEB's": ({"source": "mteb", "rows": 5}, "is scored on all of its data"),
}


@pytest.mark.parametrize(("keys", "line"), KEYS.values(), ids=KEYS)
def test_keys_that_do_not_fit_are_refused_with_the_config(tmp_path, keys, line):
    with pytest.raises(InputError, match=line):
        fetched(tmp_path, **keys)


def test_a_fetched_task_is_fetched_again_alike(tmp_path):
    write_all(tmp_path)
    for task, name in (("Clustering", "topics"), ("Reranking", "library")):
        first = read_manifest(fetched(tmp_path, name=name, task=task))["files"]
        assert read_manifest(fetched(tmp_path, name=name, task=task))["files"] == first
    told = json.loads((tmp_path / "results/fetched/data/mine/task.json").read_text())
    assert told["type"] == "Reranking" and told["revision"] == "local"
    assert len(TRAIN) == 60 and len(TEST) == 45
