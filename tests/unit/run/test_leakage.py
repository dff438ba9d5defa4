"""What is scored and occurs in training data is counted, and left out on demand."""

import csv
import json
import os
import re
import unicodedata
from pathlib import Path

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.leakage import leakages, normalised, rows_without_leakage
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.data.leakage import write_leakage
from starbench.stages.report.leakage import leakage_cautions, read_leakage
from tests.unit.runs import tiny_value

TRAINING = [
    {"anchor": "A man sleeps.", "positive": "A person rests.", "negative": "A man runs."},
    {"anchor": "Who sang it?", "positive": "She sang.", "negative": "He wept."},
    {"anchor": "One", "positive": "Two", "negative": "Three"},
    {"anchor": "Nothing here", "positive": "is scored", "negative": "anywhere"},
]
PAIRS = [
    {"sentence1": "A person rests.", "sentence2": "A man sleeps.", "score": 1},  # to the letter
    {"sentence1": "a man, sleeps", "sentence2": "A  MAN RUNS", "score": 2},  # but for the form
    {"sentence1": "ＯＮＥ", "sentence2": "two", "score": 3},  # full-width letters
    {"sentence1": "A person rests.", "sentence2": "A man runs.", "score": 4},  # never together
]


@pytest.fixture
def opened(tmp_path):
    """Write and fetch training triplets, scored pairs and a collection; return (config, paths)."""

    def write(training=TRAINING, **track):
        root = tmp_path / "data"
        files = {
            "nli/train.jsonl": training,
            "sts/test.jsonl": PAIRS,
            "beir/corpus.jsonl": [{"_id": "d", "text": "some text"}],
            "beir/queries.jsonl": [
                {"_id": "a", "text": "who sang it"},
                {"_id": "b", "text": "She sang."},
                {"_id": "c", "text": "Nothing here"},
            ],
        }
        for name, records in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        (root / "beir/qrels").mkdir(exist_ok=True)
        judged = "".join(f"{query}\td\t1\n" for query in "abc")
        (root / "beir/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
        folder = {"source": "folder"}
        value = tiny_value(
            data_root=str(root),
            datasets={
                "train": {"kind": "triplets", "name": "nli", "split": "train", **folder},
                "test": {"kind": "pairs", "name": "sts", **folder},
                "asked": {"kind": "collection", "name": "beir", **folder},
            },
        )
        value["tracks"]["sts"] |= track
        value["tracks"]["retrieval"] = {**value["tracks"]["sts"], "tasks": ["asked"]}
        config = parse_config(value)
        paths = RunPaths.of(config, tmp_path / "results")
        for name in ("train", "test", "asked"):
            fetch_dataset(config, paths, name)
        return config, paths

    return write


def test_pairs_and_questions_are_found_to_the_letter_and_whatever_their_form(opened):
    found = {part.dataset: part for part in leakages(*opened())}
    pairs, queries = found["test"], found["asked"]
    assert (pairs.exact, pairs.normalised, pairs.scored, pairs.training_rows) == (1, 3, 4, 2)
    assert (queries.exact, queries.normalised, queries.scored) == (1, 2, 3)
    assert queries.training_rows == 2


def test_the_examples_that_hold_what_a_track_scores_are_left_out(opened):
    config, paths = opened()
    assert rows_without_leakage(config, paths, "sts", "train").tolist() == [1, 3]
    assert rows_without_leakage(config, paths, "retrieval", "train").tolist() == [0, 2]
    config, paths = opened(TRAINING[:1])
    with pytest.raises(InputError, match="leaves nothing to train on"):
        rows_without_leakage(config, paths, "sts", "train")


@pytest.mark.parametrize(
    ("leakage", "said"),
    [("warn", "its scores are too high"), ("drop", "the 2 training examples that hold them were")],
)
def test_the_summary_warns_of_it(opened, leakage, said):
    config, paths = opened(leakage=leakage)
    write_leakage(config, paths)
    first, second = leakage_cautions(read_leakage(paths.leakage), config)
    assert first.startswith("3 of the 4 pairs of test occur in the training data train (1 to")
    assert said in first
    assert second.startswith("2 of the 3 queries of asked occur")


def test_a_file_that_is_not_such_a_table_is_refused(tmp_path):
    (tmp_path / "leakage.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"leakage.csv:1: no column .track"):
        read_leakage(tmp_path / "leakage.csv")
    assert read_leakage(tmp_path / "none.csv") is None


def test_a_text_without_words_only_equals_itself():
    assert normalised("?!") == "?!" != normalised("...")
    assert normalised("Ｆｕｌｌ-width, ﬁne") == "full width fine"


def records_of(folder, split):
    path = Path(os.environ["STARBENCH_DATA"]) / "sts" / folder / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plain_key(record):
    texts = (record["sentence1"], record["sentence2"])
    folded = (unicodedata.normalize("NFKC", text).casefold() for text in texts)
    return frozenset(" ".join(re.split(r"\W+", text)).strip() for text in folded)


@pytest.mark.real
def test_training_on_sts_benchmark_is_seen_to_leak_into_sts12_to_16(tmp_path):
    if "STARBENCH_DATA" not in os.environ:
        pytest.skip("STARBENCH_DATA is not set")
    sets = [f"STS{year}" for year in range(12, 17)]
    folder = {"source": "folder", "kind": "pairs"}
    datasets = {name.lower(): {**folder, "name": f"sts/{name}"} for name in sets}
    training = {"train": {**folder, "name": "sts/STSBenchmark", "split": "train"}}
    value = tiny_value(data_root=os.environ["STARBENCH_DATA"], datasets=datasets | training)
    value["tracks"]["sts"]["tasks"] = list(datasets)
    value["tracks"]["sts"]["finetuning"]["loss"] = "cosent"
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path)
    for name in (*datasets, "train"):
        fetch_dataset(config, paths, name)
    write_leakage(config, paths)
    with paths.leakage.open() as file:
        found = {row["dataset"]: int(row["normalised"]) for row in csv.DictReader(file)}
    trained = set(map(plain_key, records_of("STSBenchmark", "train")))
    assert found == {
        name.lower(): sum(plain_key(record) in trained for record in records_of(name, "test"))
        for name in sets
    }
    assert found["sts12"] > 900
    assert found["sts14"] > 1800
