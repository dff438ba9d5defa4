"""Collections and training queries: what is fetched, mined and refused."""

import gzip
import json
import logging
import shutil

import ir_datasets
import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.data.findings import ODDITIES
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.store.manifest import read_manifest
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records
from tests.unit.runs import tiny_config, tiny_value

CORPUS = [
    {"_id": "d1", "title": "Cats", "text": "a cat sleeps on the mat"},
    {"_id": "d2", "title": "", "text": "a dog chases the cat over the mat"},
    {"_id": "d3", "title": "Cats", "text": "a cat sleeps on the mat"},
    {"_id": "d4", "title": "Rain", "text": "rain falls on the town"},
    {"_id": "d5", "title": "", "text": "the cat of the town sleeps in the rain"},
]
ASKED = [
    {"_id": "q1", "text": "where does the cat sleep"},
    {"_id": "q2", "text": "who chases the cat"},
    {"_id": "q3", "text": "nobody judged this"},
]
JUDGED = [("q1", "d1", 2), ("q2", "d2", 1), ("q2", "d4", 0)]


def beir(root, corpus=CORPUS, queries=ASKED, qrels=JUDGED, split="test"):
    folder = root / "retrieval" / "mine"
    (folder / "qrels").mkdir(parents=True)
    text = "".join(json.dumps(record) + "\n" for record in corpus)
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "queries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in queries))
    rows = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in qrels)]
    (folder / "qrels" / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    return {"kind": "collection", "source": "folder", "name": "retrieval/mine"}


def fetched(tmp_path, dataset, *names):
    config = tiny_config(datasets={"given": dataset}, data_root=str(tmp_path))
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "given")
    return [read_records(paths.dataset("given"), name).to_list() for name in names]


def test_a_beir_folder_gives_passages_judged_queries_and_judgements(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        passages, queries, qrels = fetched(tmp_path, beir(tmp_path), PASSAGES, QUERIES, QRELS)
    assert passages[0] == {"id": "d1", "text": "Cats a cat sleeps on the mat"}
    assert passages[1] == {"id": "d2", "text": "a dog chases the cat over the mat"}
    assert [query["id"] for query in queries] == ["q1", "q2"]
    assert qrels[2] == {"query": "q2", "passage": "d4", "relevance": 0}
    assert "1 of 3 queries have no judgements and are left out" in caplog.text


def test_an_empty_passage_is_kept_and_counted(tmp_path, caplog):
    corpus = [*CORPUS, {"_id": "d6", "title": "", "text": " "}]
    with caplog.at_level(logging.WARNING):
        (passages,) = fetched(tmp_path, beir(tmp_path, corpus), PASSAGES)
    assert passages[-1] == {"id": "d6", "text": ""}
    assert "1 passages are blank and are kept" in caplog.text
    assert "corpus.jsonl.gz:6 d6" in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"corpus": [*CORPUS, CORPUS[0] | {"text": "other"}]},
            r"corpus.jsonl.gz:6: the passage id 'd1' appears twice, with two texts",
        ),
        (
            {"queries": [*ASKED, ASKED[1] | {"text": "other"}]},
            r"queries.jsonl:4: the query id 'q2' appears twice, with two texts",
        ),
        ({"corpus": [{"title": "x", "text": "y"}]}, r"corpus.jsonl.gz:1: no field '_id'"),
        ({"corpus": [{"_id": "a", "txt": "y"}]}, r"no field 'text' .*\(did you mean 'txt'\?\)"),
        ({"corpus": [{"_id": "a b", "text": "y"}]}, r"'a b' is not an id"),
        ({"corpus": []}, r"has no passages"),
        ({"qrels": []}, r"has no judgements"),
        ({"qrels": [("q1", "d1", "good")]}, r"test.tsv:2: the relevance is not a whole number"),
        ({"qrels": [("q1", "d1", 0), ("q2", "d2", -1)]}, r"none of its 2 judgements is above 0"),
        ({"qrels": [("q1", "d1")]}, r"test.tsv:2: 2 fields, expected 3"),
        ({"qrels": [("q1", "d1", "1.5")]}, r"test.tsv:2: the relevance is not a whole number"),
        (
            {"qrels": [("q1", f"x{n}", 1) for n in range(5)]},
            r"dataset 'given': none of the judged passages is in the collection",
        ),
        (
            {"qrels": [("q9", "d1", 1)]},
            r"dataset 'given': none of its judgements is of one of its queries$",
        ),
    ],
)
def test_what_is_wrong_is_one_error_with_its_place_and_nothing_is_left(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, beir(tmp_path, **given))
    left = list((tmp_path / "results").rglob("*.*"))
    assert not left


ODD = [
    (
        {"qrels": [*JUDGED, ("q1", "gone", 1)]},
        {"unknown_passages": 1},
        "1 judgements are of a passage that is not in the collection; they are kept",
    ),
    (
        {"qrels": [*JUDGED, ("q7", "d1", 1), ("q8", "d1", 1)]},
        {"unknown_queries": 2},
        "2 judgements are of a query that is not in the collection; they are left out",
    ),
    ({"qrels": [*JUDGED, JUDGED[0]]}, {"repeated_judgements": 1}, "1 judgements appear again;"),
    (
        {"qrels": [*JUDGED, ("q1", "d1", 1)]},
        {"changed_judgements": 1},
        "1 judgements appear again with another relevance",
    ),
    (
        {"qrels": [("q1", "d1", 0), ("q2", "d2", 1)]},
        {"queries_without_answers": 1},
        "1 queries have judgements but nothing relevant; they are kept and count as 0",
    ),
    ({"corpus": [*CORPUS, CORPUS[0]]}, {"repeated_passages": 1}, "jsonl.gz:6 d1"),
    ({"queries": [*ASKED, ASKED[1]]}, {"repeated_queries": 1}, "queries.jsonl:4 q2"),
    (
        {"queries": [{"_id": "q1", "text": " "}, *ASKED[1:]]},
        {"blank_queries": 1},
        "1 queries are blank and are kept",
    ),
    (
        {"corpus": [*CORPUS, {"_id": "d\u00a06", "text": "x"}]},
        {"spaces_in_ids": 1},
        "1 ids have white space that is not ASCII in them",
    ),
]


@pytest.mark.parametrize(("given", "counts", "message"), ODD, ids=[str(odd[1]) for odd in ODD])
def test_oddities_are_counted_in_the_manifest_and_warned_of_and_refused_where_strict(
    tmp_path, caplog, given, counts, message
):
    dataset = beir(tmp_path, **given)
    with caplog.at_level(logging.WARNING):
        passages, queries, qrels = fetched(tmp_path, dataset, PASSAGES, QUERIES, QRELS)
    manifest = read_manifest(tmp_path / "results" / "tiny" / "data" / "given")
    assert manifest["findings"] == counts
    assert message in caplog.text
    assert len({row["id"] for row in passages}) == len(passages)
    assert {row["id"] for row in queries} == {"q1", "q2"} == {row["query"] for row in qrels}
    assert len({(row["query"], row["passage"]) for row in qrels}) == len(qrels)
    shutil.rmtree(tmp_path / "results")
    (oddity,) = counts
    with pytest.raises(InputError, match="dataset 'given' is strict, but .*" + ODDITIES[oddity]):
        fetched(tmp_path, dataset | {"strict": True})
    assert not list((tmp_path / "results").rglob("*.*"))


def test_a_sound_collection_is_the_same_when_strict_and_its_manifest_counts_nothing(tmp_path):
    dataset = beir(tmp_path)
    files = (PASSAGES, QUERIES, QRELS)
    loose = fetched(tmp_path, dataset, *files)
    assert fetched(tmp_path, dataset | {"strict": True}, *files) == loose
    manifest = read_manifest(tmp_path / "results" / "tiny" / "data" / "given")
    assert manifest["findings"] == {}
    assert manifest["titles"] == {"passages": 5, "titled": 3}
    assert manifest["config"]["strict"] is True


def test_judgements_of_missing_passages_lower_scores_as_ir_measures_lowers_them(tmp_path):
    """The ideal gain counts what nobody can find, and a relevance may be written as 2.0."""
    qrels = [
        ("q1", "d1", "2.0"),
        ("q1", "gone-1", "3"),
        ("q1", "d5", "1"),
        ("q1", "gone-2", "0"),
        ("q2", "gone-3", "1.0"),
        ("q2", "d2", 1),
        ("q2", "d4", 0),
    ]
    dataset = beir(tmp_path, qrels=qrels)
    fetched(tmp_path, dataset)
    config = tiny_config(
        datasets={"given": dataset},
        tracks={
            "retrieval": {
                "tasks": ["given"],
                "finetuning": tiny_value()["tracks"]["sts"]["finetuning"],
            }
        },
    )
    paths = RunPaths.of(config, tmp_path / "results")
    collection = CollectionToScore.open(config, paths, "retrieval", "given")
    ranked = {"q1": ["d5", "d3", "d1", "d2", "d4"], "q2": ["d4", "d2", "d1", "d3", "d5"]}
    found = collection.measuring.of(ranked)
    reference = [ir_measures.Qrel(q, p, int(float(relevance))) for q, p, relevance in qrels]
    run = [
        ir_measures.ScoredDoc(query, passage, -place)
        for query, ids in ranked.items()
        for place, passage in enumerate(ids)
    ]
    measures = [nDCG @ 10, RR @ 10, R @ 100]
    for metric in ir_measures.iter_calc(measures, reference, run):
        at = collection.measuring.queries.index(metric.query_id)
        assert found[str(metric.measure)][at] == pytest.approx(metric.value, abs=1e-12)
    without = [qrel for qrel in reference if not qrel.doc_id.startswith("gone")]
    assert (
        found["nDCG@10"].mean() < ir_measures.calc_aggregate([nDCG @ 10], without, run)[nDCG @ 10]
    )


def test_a_corpus_line_that_is_not_json_is_named(tmp_path):
    dataset = beir(tmp_path)
    path = tmp_path / "retrieval/mine/corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"_id": "a", "text": "b"}\n{"_id": \n'))
    with pytest.raises(InputError, match=r"corpus\.jsonl\.gz:2: not JSON"):
        fetched(tmp_path, dataset)


def test_a_missing_split_names_those_that_there_are(tmp_path):
    dataset = beir(tmp_path) | {"split": "tset"}
    with pytest.raises(InputError, match=r"no file .*tset\.tsv \(did you mean 'test'\?\)"):
        fetched(tmp_path, dataset)


def test_queries_may_be_judged_on_the_passages_of_another_collection(tmp_path):
    dataset = beir(tmp_path)
    config = tiny_config(
        datasets={"first": dataset, "second": dataset | {"corpus": "first"}},
        data_root=str(tmp_path),
    )
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "first")
    fetch_dataset(config, paths, "second")
    assert not (paths.dataset("second") / PASSAGES).exists()
    assert len(read_records(paths.dataset("second"), QRELS)) == 3


def test_an_ir_datasets_collection_is_read_through_the_library(tmp_path):
    (tmp_path / "docs.tsv").write_text("d1\tone text\nd2\tanother text\n")
    (tmp_path / "queries.tsv").write_text("q1\ta question\n")
    (tmp_path / "qrels").write_text("q1 0 d2 1\n")
    local = ir_datasets.create_dataset(
        docs_tsv=str(tmp_path / "docs.tsv"),
        queries_tsv=str(tmp_path / "queries.tsv"),
        qrels_trec=str(tmp_path / "qrels"),
    )
    ir_datasets.registry.register("starbench/local", local)
    dataset = {"kind": "collection", "source": "ir_datasets", "name": "starbench/local"}
    passages, queries, qrels = fetched(tmp_path, dataset, PASSAGES, QUERIES, QRELS)
    assert passages == [{"id": "d1", "text": "one text"}, {"id": "d2", "text": "another text"}]
    assert queries == [{"id": "q1", "text": "a question"}]
    assert qrels == [{"query": "q1", "passage": "d2", "relevance": 1}]


def test_the_two_versions_of_touche_are_two_ids_of_the_library():
    for name in ("beir/webis-touche2020", "beir/webis-touche2020/v2"):
        dataset = {"kind": "collection", "source": "ir_datasets", "name": name}
        tiny_config(datasets={"given": dataset})
        assert ir_datasets.load(name).has_qrels()


def test_an_id_that_the_library_does_not_know_is_an_error(tmp_path):
    dataset = {"kind": "collection", "source": "ir_datasets", "name": "beir/nothing"}
    with pytest.raises(InputError, match="ir_datasets has no dataset 'beir/nothing'"):
        fetched(tmp_path, dataset)


def mined(tmp_path, **changes):
    dataset = beir(tmp_path, **changes) | {"kind": "training-queries"}
    (records,) = fetched(tmp_path, dataset, "records.arrow")
    return {record["query_id"]: record for record in records}


def test_hard_negatives_are_what_bm25_ranks_highest_without_right_answers(tmp_path):
    records = mined(tmp_path)
    assert list(records) == ["q1", "q2"]
    answers = [passage["docid"] for passage in records["q1"]["positive_passages"]]
    wrong = [passage["docid"] for passage in records["q1"]["negative_passages"]]
    assert answers == ["d1"]
    assert "d3" not in wrong, "the same text as the right answer, under another id"
    assert wrong[:2] == ["d5", "d2"]
    assert "d4" in [p["docid"] for p in records["q2"]["negative_passages"]], "judged not relevant"


def test_several_right_answers_are_all_positives(tmp_path):
    records = mined(tmp_path, qrels=[("q1", "d1", 1), ("q1", "d5", 1)])
    assert {p["docid"] for p in records["q1"]["positive_passages"]} == {"d1", "d5"}
    assert "d5" not in {p["docid"] for p in records["q1"]["negative_passages"]}


def test_mining_leaves_out_right_answers_that_are_not_in_the_corpus(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        records = mined(tmp_path, qrels=[("q1", "gone", 1), ("q1", "d1", "1.0"), ("q2", "no", 1)])
    assert list(records) == ["q1"]
    assert [p["docid"] for p in records["q1"]["positive_passages"]] == ["d1"]
    assert "2 judgements are left out: " in caplog.text


def tevatron(tmp_path, records):
    (tmp_path / "train").mkdir()
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "train" / "train.jsonl").write_text(lines)
    return {"kind": "training-queries", "source": "folder", "name": "train", "split": "train"}


def passage(docid, text, title=""):
    return {"docid": docid, "title": title, "text": text}


def test_files_in_tevatrons_layout_are_read_and_right_answers_are_no_negatives(tmp_path, caplog):
    records = [
        {
            "query_id": "1",
            "query": "a question",
            "positive_passages": [passage("p", "right")],
            "negative_passages": [passage("n", "wrong"), passage("x", "right"), passage("p", "r")],
        },
        {
            "query_id": "2",
            "query": "b question",
            "positive_passages": [passage("p", "right")],
            "negative_passages": [],
        },
    ]
    with caplog.at_level(logging.WARNING):
        (found,) = fetched(tmp_path, tevatron(tmp_path, records), "records.arrow")
    assert [record["query_id"] for record in found] == ["1"]
    assert found[0]["negative_passages"] == [passage("n", "wrong")]
    assert "2 negatives that are right answers of their query are left out" in caplog.text
    assert "1 queries without a negative are left out" in caplog.text


@pytest.mark.parametrize(
    ("change", "oddity"),
    [
        ({"query": " "}, "blank_records"),
        ({"positive_passages": []}, "queries_without_positive"),
        ({"positive_passages": [passage("p", " ")]}, "queries_without_positive"),
        ({"negative_passages": []}, "queries_without_negative"),
    ],
)
def test_a_training_query_that_teaches_nothing_is_left_out_and_counted(tmp_path, change, oddity):
    record = {
        "query_id": "1",
        "query": "a question",
        "positive_passages": [passage("p", "right")],
        "negative_passages": [passage("n", "wrong"), passage("b", "", "a title alone")],
    }
    dataset = tevatron(tmp_path, [record | change, record])
    assert fetched(tmp_path, dataset, "records.arrow") == [[record]]
    manifest = read_manifest(tmp_path / "results" / "tiny" / "data" / "given")
    assert manifest["findings"][oddity] == 1
    assert manifest["titles"] == {"passages": 3, "titled": 1}
    with pytest.raises(InputError, match=r"dataset 'given' is strict, but .*train.jsonl:1"):
        fetched(tmp_path, dataset | {"strict": True})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": None}, r"train.jsonl:1: field 'query' is not a text"),
        ({"positive_passages": "p"}, r"'positive_passages' is not a list of passages"),
        ({"negative_passages": [{"docid": "n"}]}, r"negative_passages\[0\]: no field 'text'"),
    ],
)
def test_a_training_query_that_is_wrong_is_named(tmp_path, change, message):
    record = {
        "query_id": "1",
        "query": "a question",
        "positive_passages": [passage("p", "right")],
        "negative_passages": [passage("n", "wrong")],
    }
    with pytest.raises(InputError, match=message):
        fetched(tmp_path, tevatron(tmp_path, [record | change]))


def test_hub_datasets_hold_tevatrons_layout_too(tmp_path):
    record = {
        "query_id": "1",
        "query": "a question",
        "positive_passages": [passage("p", "right", "a title")],
        "negative_passages": [passage("n", "wrong")],
    }
    tevatron(tmp_path, [record])
    dataset = {
        "kind": "training-queries",
        "source": "hub",
        "name": str(tmp_path / "train"),
        "split": "train",
    }
    (found,) = fetched(tmp_path, dataset, "records.arrow")
    assert found == [record]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            {"kind": "text", "source": "micro", "rows": 5, "shards": 2},
            "'shards' is for collections, not for kind text",
        ),
        (
            {"kind": "collection", "source": "hub", "name": "a/b", "split": "test"},
            "'split' of a collection belongs into passages, queries, qrels",
        ),
        (
            {"kind": "text", "source": "hub", "name": "a/b", "queries": {"name": "c/d"}},
            "'queries' is for collections, not for kind text",
        ),
        (
            {"kind": "text", "source": "ir_datasets", "name": "vaswani"},
            "source ir_datasets gives collections, not kind text",
        ),
        (
            {"kind": "collection", "source": "micro", "rows": 10, "queries": 6},
            "10 passages are too few for 6 queries",
        ),
        (
            {"kind": "collection", "source": "folder", "name": "x", "corpus": "test"},
            "dataset 'test' is of kind pairs, needed is collection",
        ),
        (
            {"kind": "collection", "source": "folder", "name": "x", "negatives": 3},
            "'negatives' is for training-queries, not for kind collection",
        ),
    ],
)
def test_keys_of_another_kind_are_refused(dataset, message):
    value = tiny_value(datasets={"given": dataset})
    with pytest.raises(InputError, match=message):
        parse_config(value)


def test_a_generated_collection_belongs_together(tmp_path):
    dataset = {"kind": "collection", "source": "micro", "rows": 60, "queries": 6}
    passages, queries, qrels = fetched(tmp_path, dataset, PASSAGES, QUERIES, QRELS)
    assert (len(passages), len(queries)) == (60, 6)
    assert {row["query"] for row in qrels} == {query["id"] for query in queries}
    assert {row["passage"] for row in qrels} <= {p["id"] for p in passages}
