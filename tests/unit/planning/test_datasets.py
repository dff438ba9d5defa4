"""Records that a plan counts are checked as they are when they are fetched: one line each."""

import json

import pytest

from starbench.cli import main
from tests.unit.runs import tiny_value

RIGHT = {
    "labelled": {"text": "a red boat", "label": 3},
    "text": {"text": "a red boat"},
    "triplets": {"anchor": "a", "positive": "b", "negative": "c"},
    "pairs": {"sentence1": "a", "sentence2": "b", "score": 1},
    "training-queries": {
        "query_id": "1",
        "query": "a",
        "positive_passages": [{"docid": "1", "title": "", "text": "b"}],
        "negative_passages": [{"docid": "2", "title": "", "text": "c"}],
    },
}


def planned(tmp_path, kind, record):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "mine.jsonl" if kind == "text" else folder / "test.jsonl").write_text(
        json.dumps(record) + "\n"
    )
    name = "mine" if kind == "text" else "data"
    root = folder if kind == "text" else tmp_path
    value = tiny_value(
        data_root=str(root), datasets={"mine": {"kind": kind, "source": "folder", "name": name}}
    )
    if kind == "pairs":
        value["tracks"]["sts"]["tasks"] = ["mine"]
    elif kind == "labelled":
        value["datasets"]["texts"] = {
            "kind": kind,
            "source": "micro",
            "rows": 9,
            "examples": "mine",
        }
        training = value["tracks"]["sts"]["finetuning"] | {"dataset": "mine", "loss": "softmax"}
        value["tracks"] = {"classification": {"tasks": ["texts"], "finetuning": training}}
    elif kind == "text":
        start = {"layers": 4, "width": 16, "heads": 2, "intermediate": 32}
        training = {"objective": "mlm", "datasets": ["mine"], "batch_size": 4, "steps": 2}
        training["learning_rate"] = 1e-3
        value["backbones"]["tiny"] = {"architecture": start, "pretraining": training}
    else:
        value["tracks"]["sts"]["finetuning"]["dataset"] = "mine"
    if kind != "text":
        value["backbones"]["tiny"] = {
            "architecture": {"layers": 4, "width": 16, "heads": 2, "intermediate": 32},
            "pretraining": {
                "objective": "mlm", "datasets": ["made"], "batch_size": 4, "steps": 2,
                "learning_rate": 1e-3,
            },
        }  # fmt: skip
        value["datasets"]["made"] = {"kind": "text", "source": "micro", "rows": 20}
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(value))
    return main(["plan", "--config", str(path), "--device", "laptop-core", "--short"])


@pytest.mark.parametrize("kind", RIGHT)
def test_right_records_are_planned(tmp_path, capsys, kind):
    assert planned(tmp_path, kind, RIGHT[kind]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("text", {"text": 5}, "field 'text' is not a text: 5"),
        ("text", {"text": None}, "field 'text' is not a text: None"),
        ("triplets", {"positive": ["x"]}, "field 'positive' is not a text"),
        ("labelled", {"text": 1}, "field 'text' is not a text: 1"),
        ("pairs", {"sentence2": 1}, "field 'sentence2' is not a text: 1"),
        ("training-queries", {"query": None}, "field 'query' is not a text"),
        ("training-queries", {"positive_passages": [1]}, "'positive_passages' is not a list of"),
        ("training-queries", {"negative_passages": {}}, "'negative_passages' is not a list of"),
    ],
)
def test_a_wrong_record_is_named_with_its_place(tmp_path, capsys, kind, change, message):
    assert planned(tmp_path, kind, RIGHT[kind] | change) == 2
    error = capsys.readouterr().err
    assert ".jsonl:1: " in error
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", RIGHT)
def test_a_missing_field_is_named(tmp_path, capsys, kind):
    record = dict(RIGHT[kind])
    record.pop("query" if kind == "training-queries" else next(iter(record)))
    assert planned(tmp_path, kind, record) == 2
    assert ".jsonl:1: no field '" in capsys.readouterr().err
