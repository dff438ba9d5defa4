"""Mining hard negatives: what a BEIR folder may hold, and what is refused in one line."""

import json
import logging

import pytest

from starbench.errors import InputError
from starbench.sources.beir import read_beir
from starbench.sources.bm25 import Bm25
from starbench.sources.mining import mined_queries

CORPUS = [
    {"_id": "d1", "title": "Cats", "text": "a cat sleeps on the mat"},
    {"_id": 2, "title": None, "text": "a dog chases the cat over the mat"},
    {"_id": "d3", "text": "rain falls on the town"},
]
QUERIES = [{"_id": "q1", "text": "sleeping cat"}, {"_id": "q2", "text": "rain in town"}]
QRELS = ["q1\td1\t1", "q2\td3\t1"]


def mined(tmp_path, corpus=CORPUS, queries=QUERIES, qrels=QRELS):
    folder = tmp_path / "mine"
    (folder / "qrels").mkdir(parents=True)
    for name, records in (("corpus", corpus), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    (folder / "qrels" / "train.tsv").write_text("".join(f"{line}\n" for line in qrels))
    return [record for _, record in mined_queries(read_beir(folder, "train"), 2, "mine")]


def test_ids_are_texts_and_a_title_may_be_missing(tmp_path):
    first, second = mined(tmp_path)
    assert [p["docid"] for p in first["negative_passages"]] == ["2", "d3"]
    assert {p["title"] for p in (*first["negative_passages"], *second["positive_passages"])} == {""}


def test_a_judgement_that_is_there_twice_gives_one_positive(tmp_path):
    first, _ = mined(tmp_path, qrels=[*QRELS, QRELS[0], "q1\td1\t2"])
    assert [p["docid"] for p in first["positive_passages"]] == ["d1"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"corpus": [{"_id": "a", "text": None}]},
            r"corpus.jsonl:1: field 'text' is not a text: N",
        ),
        ({"corpus": [{"_id": "a", "txt": "x"}]}, r"corpus.jsonl:1: no field 'text' .*'txt'"),
        ({"corpus": [{"_id": "a", "text": 7}]}, r"corpus.jsonl:1: field 'text' is not a text: 7"),
        (
            {"corpus": [{"_id": "a", "title": ["x"], "text": "y"}]},
            r"corpus.jsonl:1: field 'title' is not a text",
        ),
        (
            {"corpus": [{"_id": None, "text": "y"}]},
            r"corpus.jsonl:1: field '_id' is not an id, but of",
        ),
        (
            {"corpus": [*CORPUS, {"_id": "d1", "text": "another"}]},
            r"corpus.jsonl:4: the passage id 'd1' appears twice, with two texts",
        ),
        ({"queries": [{"_id": "q1"}]}, r"queries.jsonl:1: no field 'text'"),
        (
            {"queries": [{"_id": 1.5, "text": "x"}]},
            r"queries.jsonl:1: field '_id' is not an id, but of",
        ),
        (
            {"queries": [*QUERIES, {"_id": "q1", "text": "another"}]},
            r"queries.jsonl:3: the query id 'q1' appears twice",
        ),
        ({"qrels": ["q1\td1\tx"]}, r"train.tsv:1: the relevance is not a whole number: 'x'"),
        ({"qrels": ["q1\tgone\t1e400"]}, r"train.tsv:1: the relevance is not a whole number"),
        ({"qrels": ["\td1\t1"]}, r"train.tsv:1: '' is not an id"),
        ({"corpus": []}, r"^mine has no passages to mine hard negatives from"),
        ({"qrels": []}, r"^mine: none of its queries has a relevant passage in the corpus"),
        ({"qrels": ["q1\td1\t0"]}, r"^mine: none of its queries has a relevant passage"),
        (
            {"corpus": [{"_id": "d1", "text": "the of and"}], "qrels": QRELS[:1]},
            r"^mine: BM25 finds nothing, since no query shares a word with a passage",
        ),
        (
            {"queries": [{"_id": "q1", "text": "of the"}, {"_id": "q2", "text": "?"}]},
            r"^mine: BM25 finds nothing",
        ),
    ],
)
def test_what_is_wrong_is_one_error_with_its_place(tmp_path, given, message):
    with pytest.raises(InputError, match=message) as raised:
        mined(tmp_path, **given)
    assert "\n" not in str(raised.value)


def test_queries_of_stop_words_alone_are_counted(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert len(mined(tmp_path, queries=[QUERIES[0], {"_id": "q2", "text": "of the"}])) == 2
    assert "mine: 1 of 2 queries share no word with any passage" in caplog.text


def test_negatives_do_not_depend_on_how_many_queries_are_ranked_at_a_time(tmp_path, monkeypatch):
    queries = [{"_id": f"q{n}", "text": text} for n, text in enumerate("cat dog rain mat".split())]
    qrels = [f"q{n}\td1\t1" for n in range(4)]
    whole = mined(tmp_path / "whole", queries=queries, qrels=qrels)
    monkeypatch.setattr("starbench.sources.mining.BATCH", 1)
    assert mined(tmp_path / "single", queries=queries, qrels=qrels) == whole


@pytest.mark.parametrize("texts", [["the of", "and"], ["", ""], ["?", "!"]])
def test_texts_without_words_all_score_nothing(texts):
    rows, scores = Bm25(texts).top(["cat", "the"], 5)
    assert rows.tolist() == [[0, 1], [0, 1]]
    assert scores.tolist() == [[0, 0], [0, 0]]
