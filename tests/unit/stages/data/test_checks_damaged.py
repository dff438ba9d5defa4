"""Damaged and meaningless data end `starbench data` with one line and leave nothing behind."""

import gzip
import json
import re

import pytest

from starbench.cli import main
from tests.unit.runs import tiny_value
from tests.unit.stages.data.test_fetch import fetched, pairs_file

CORPUS = [{"_id": "d1", "text": "a cat"}, {"_id": "d2", "text": "a dog"}]
QUERIES = [{"_id": "q1", "text": "which cat"}]
QRELS = b"query-id\tcorpus-id\tscore\nq1\td1\t1\n"
PAIR = {"sentence1": "a", "sentence2": "b", "score": 1}
TRIPLE = {
    "query_id": "1",
    "query": "a question",
    "positive_passages": [{"docid": "p", "title": "", "text": "right"}],
    "negative_passages": [{"docid": "n", "title": "", "text": "wrong"}],
}
UNITS = {
    "pairs": {"kind": "pairs", "source": "folder", "name": "mine"},
    "collection": {"kind": "collection", "source": "folder", "name": "mine"},
    "mined": {"kind": "training-queries", "source": "folder", "name": "mine"},
    "tevatron": {"kind": "training-queries", "source": "folder", "name": "mine"},
}


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def write(folder, unit, name, data):
    """Write sound files of a dataset, one of them with the given bytes instead."""
    files = {
        "corpus.jsonl": lines(CORPUS),
        "queries.jsonl": lines(QUERIES),
        "qrels/test.tsv": QRELS,
    }
    if unit in ("pairs", "tevatron"):
        files = {"test.jsonl": lines([PAIR, PAIR | {"score": 2}])}
    if name.endswith(".gz"):
        files.pop(name.removesuffix(".gz"), None)
    for file, content in (files | {name: data}).items():
        path = folder / "mine" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def failed(tmp_path, capsys, unit, name, data):
    """Return the last line of the command, which must fail and leave no file."""
    write(tmp_path, unit, name, data)
    value = tiny_value(datasets={"given": UNITS[unit]}, data_root=str(tmp_path))
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(value))
    results = tmp_path / "results"
    arguments = ["data", "--config", str(config), "--results", str(results), "--dataset", "given"]
    assert main(arguments) == 2
    assert not [path for path in results.rglob("*") if path.is_file()]
    return capsys.readouterr().err.splitlines()[-1]


ID = "not an id, but of type"
CASES = [
    ("collection", "corpus.jsonl", lines([{"_id": None, "text": "x"}]), f"corpus.jsonl:1: .*{ID}"),
    ("collection", "corpus.jsonl", lines([{"_id": [1], "text": "x"}]), f"corpus.jsonl:1: .*{ID}"),
    (
        "collection",
        "corpus.jsonl",
        lines([{"_id": "a\0", "text": "x"}]),
        r"corpus.jsonl:1: .*not an id",
    ),
    ("collection", "queries.jsonl", lines([{"_id": True, "text": "x"}]), rf"jsonl:1: .*{ID} bool"),
    ("collection", "queries.jsonl", lines([{"_id": 1.5, "text": "x"}]), rf"jsonl:1: .*{ID} float"),
    (
        "collection",
        "corpus.jsonl",
        lines([{"_id": "d1", "title": 7, "text": "x"}]),
        "corpus.jsonl:1: field 'title' is not a text: 7",
    ),
    ("collection", "qrels/test.tsv", b"q1\td1\t\xff\n", r"test\.tsv:1: not UTF-8 text"),
    ("collection", "qrels/test.tsv", b"q1\td1\t4294967296\n", r"test\.tsv:1: .*is too large"),
    ("collection", "qrels/test.tsv", b"q1\td1\t1e30\n", r"test\.tsv:1: .*is too large"),
    ("collection", "qrels/test.tsv", b"q1\td\x001\t1\n", r"test\.tsv:1: .*is not an id"),
    ("collection", "qrels/test.tsv.gz", QRELS, r"test\.tsv\.gz:1: the gzip file is damaged"),
    (
        "collection",
        "qrels/test.tsv.gz",
        gzip.compress(QRELS, mtime=0)[:-9],
        r"test\.tsv\.gz:\d: the gzip file is damaged",
    ),
    ("collection", "qrels/test.tsv", b"q1\td1\t0\nq1\td2\t-1\n", "none of its 2 judgements is ab"),
    (
        "collection",
        "qrels/test.tsv",
        b"q1\td1\t0\nq1\tgone\t1\n",
        "none of the passages judged relevant is in the collection",
    ),
    ("mined", "qrels/test.tsv", b"q1\td1\tx\n", r"test\.tsv:1: the relevance is not a whole"),
    ("mined", "corpus.jsonl", lines([{"_id": "d1", "text": None}]), "corpus.jsonl:1: field 'text'"),
    ("mined", "corpus.jsonl", b"", "no passages to mine hard negatives from"),
    ("mined", "corpus.jsonl", lines([{"_id": "d1", "text": "of the"}]), "BM25 finds nothing"),
    (
        "tevatron",
        "test.jsonl",
        lines([TRIPLE | {"query_id": None}]),
        rf"test\.jsonl:1: .*{ID} null",
    ),
    (
        "tevatron",
        "test.jsonl",
        lines([TRIPLE | {"negative_passages": [{"docid": 1.0, "text": "x"}]}]),
        rf"test\.jsonl:1: negative_passages\[0\]: .*{ID} float",
    ),
    ("pairs", "test.jsonl", lines([PAIR]), "all of its pairs have the gold score 1, so no corr"),
    ("pairs", "test.jsonl", lines([PAIR] * 9), "all of its pairs have the gold score 1, so no c"),
    (
        "pairs",
        "test.jsonl",
        lines([PAIR]) + b'{"sentence1": "a", "sentence2": "b", "score": 1e400}\n',
        r"test\.jsonl:2: field 'score' is not a number: inf",
    ),
    (
        "pairs",
        "test.jsonl",
        lines([PAIR]) + b'{"sentence1": "a", "sentence2": "b", "score": ' + b"9" * 400 + b"}\n",
        r"test\.jsonl:2: field 'score' is not a number: 999",
    ),
    (
        "pairs",
        "test.jsonl",
        lines([PAIR]) + b'{"sentence1": "\\udc00", "sentence2": "b", "score": 2}\n',
        r"test\.jsonl:2: an escape in it .* is half a character",
    ),
    ("pairs", "test.jsonl", lines([PAIR]) + b'{"a":' * 100000, r"test\.jsonl:2: .*too deeply"),
]


@pytest.mark.parametrize(("unit", "name", "data", "message"), CASES, ids=range(len(CASES)))
def test_it_is_refused_in_one_line_and_nothing_is_left(tmp_path, capsys, unit, name, data, message):
    line = failed(tmp_path, capsys, unit, name, data)
    assert line.startswith("error: ")
    assert len(line) < 400
    assert re.search(message, line), line


def test_scores_beyond_the_usual_scale_are_counted(tmp_path, caplog):
    records = [PAIR, PAIR | {"score": 50}, PAIR | {"score": -1}]
    dataset = pairs_file(tmp_path, [json.dumps(record) for record in records])
    assert [row["score"] for row in fetched(tmp_path, dataset)] == [1, 50, -1]
    assert "2 gold scores are below 0 or above 5" in caplog.text
