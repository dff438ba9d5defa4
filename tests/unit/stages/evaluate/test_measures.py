"""Measures of rankings equal ir_measures and trec_eval on the whole run; traps of the field."""

import gzip

import ir_measures
import numpy as np
import pyarrow as pa
import pytest
from ir_measures import RR, R, nDCG

from starbench.measures import ranking_measure
from starbench.stages.evaluate.collection import CollectionToScore
from starbench.stages.evaluate.measures import Measuring
from starbench.stages.evaluate.retrieval import write_run
from starbench.stages.evaluate.search import Ranking


@pytest.fixture
def collection():
    """Forty queries with graded judgements and a ranking of 1200 of 2000 passages for each."""
    draw = np.random.default_rng(0)
    ids = [f"d{number}" for number in range(2000)]
    qrels, ranked = {}, {}
    for query in range(40):
        order = draw.permutation(2000)[:1200]
        ranked[f"q{query}"] = [ids[row] for row in order]
        judged = draw.choice(order[: 10 * (query + 1)], size=6, replace=False)
        missed = draw.integers(0, 2000, 3)
        qrels[f"q{query}"] = {
            ids[row]: int(grade)
            for row, grade in zip([*judged, *missed], draw.integers(0, 4, 9), strict=True)
        }
    return qrels, ranked


def test_every_querys_values_are_those_of_the_whole_run(collection):
    qrels, ranked = collection
    found = Measuring(qrels).of(ranked)
    run = {q: {d: -float(place) for place, d in enumerate(ids)} for q, ids in ranked.items()}
    # Ranks beyond 1000 do not count: the whole run is cut there as trec_eval would with -M.
    measures = {"RR@10": RR @ 10, "nDCG@10": nDCG @ 10, "R@100": R @ 100, "R@1000": R @ 1000}
    for name, measure in measures.items():
        values = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        expected = [values[query] for query in qrels]
        np.testing.assert_allclose(found[name], expected)
        assert 0 < np.mean(expected) < 1


FURTHER = ("nDCG@20", "AP", "RR", "RR@20", "Success@5", "P@10", "AP(rel=2)@100", "Rprec", "Bpref")


def test_any_measure_that_ir_measures_parses_is_what_it_gives_for_the_whole_run(collection):
    qrels, ranked = collection
    cut = {query: ids[:1000] for query, ids in ranked.items()}
    found = Measuring(qrels, measures=[ranking_measure(name) for name in FURTHER]).of(cut)
    run = {q: {d: -float(place) for place, d in enumerate(ids)} for q, ids in cut.items()}
    for name in FURTHER:
        measure = ir_measures.parse_measure(name)
        values = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        np.testing.assert_allclose(found[name], [values[query] for query in qrels], err_msg=name)


def test_judged_passages_are_counted():
    found = Measuring({"a": {"x": 1, "y": 0}}, measures=[ranking_measure("Judged@4")])
    assert found.of({"a": ["x", "z", "y", "u", "v"]})["Judged@4"].tolist() == [0.5]


def test_ms_marcos_script_counts_for_a_reciprocal_rank_of_any_depth():
    qrels = {"a": {"x": 1}, "b": {"y": 0}}
    measures = [ranking_measure("RR@2"), ranking_measure("RR")]
    found = Measuring(qrels, rr="msmarco", measures=measures).of({"a": ["z", "x"], "b": ["y"]})
    for name in ("RR@2", "RR"):
        assert found[name][0] == 0.5
        assert np.isnan(found[name][1])


def test_a_query_with_nothing_ranked_counts_as_zero():
    found = Measuring({"a": {"x": 1}, "b": {"y": 1}}).of({"a": ["x"], "b": []})
    assert {name: values.tolist() for name, values in found.items()} == {
        "RR@10": [1, 0],
        "nDCG@10": [1, 0],
        "R@100": [1, 0],
        "R@1000": [1, 0],
    }


def test_measures_that_look_deeper_than_the_ranking_are_left_out():
    found = Measuring({"a": {"x": 1}}, depth=100).of({"a": ["x"]})
    assert list(found) == ["RR@10", "nDCG@10", "R@100"]


def test_ms_marcos_script_leaves_out_queries_without_a_relevant_passage():
    qrels = {"a": {"x": 1}, "b": {"y": 0}}
    ranked = {"a": ["z", "x"], "b": ["y"]}
    assert Measuring(qrels, rr="trec_eval").of(ranked)["RR@10"].tolist() == [0.5, 0]
    values = Measuring(qrels, rr="msmarco").of(ranked)["RR@10"]
    assert values[0] == 0.5
    assert np.isnan(values[1])


def to_score(**changes):
    values = {
        "queries": ["q1", "d2"],
        "passages": pa.chunked_array([["d1", "d10"], ["d2", "d3"]]),
        "qrels": {"q1": {"d1": 1}, "d2": {"d3": 1}},
        "depth": 2,
        "leave_out_query": False,
        "ties": "trec_eval",
        "rr": "trec_eval",
    }
    return CollectionToScore(**(values | changes))


def test_ties_go_by_id_descending_as_in_trec_eval_or_by_the_order_of_the_corpus():
    assert to_score().tie_ranks.tolist() == [3, 2, 1, 0]  # d3, d2, d10, d1
    assert to_score(ties="corpus").tie_ranks.tolist() == [0, 1, 2, 3]
    run = {"q1": dict.fromkeys(["d1", "d10", "d2", "d3"], 1.0)}
    sorted_by_trec_eval = [
        next(ir_measures.pytrec_eval.iter_calc([RR @ 10], {"q1": {relevant: 1}}, run)).value
        for relevant in ["d3", "d2", "d10", "d1"]
    ]
    assert sorted_by_trec_eval == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])


def test_a_passage_with_the_querys_own_id_is_left_out_where_the_dataset_says_so():
    ranking = Ranking(
        np.array([[0, 1, 2], [2, 0, 3]]), np.array([[3, 2, 1], [9, 8, 7]], dtype=np.float32)
    )
    kept = list(to_score().ranked(ranking))
    assert kept == [("q1", ["d1", "d10"], [3, 2]), ("d2", ["d2", "d1"], [9, 8])]
    without = to_score(leave_out_query=True)
    assert without.depth_to_search == 3
    assert list(without.ranked(ranking))[1] == ("d2", ["d1", "d3"], [8, 7])


def test_run_files_are_what_trec_eval_reads_and_the_same_bytes_each_time(tmp_path):
    ranked = [("q1", ["d1", "d2"], [0.5, 0.25]), ("q2", ["d3"], [1.0])]
    for name in ("a", "b"):
        write_run(tmp_path / f"{name}.gz", ranked, "tag")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    with gzip.open(tmp_path / "a.gz", "rt") as file:
        assert file.read() == "q1 Q0 d1 1 0.5 tag\nq1 Q0 d2 2 0.25 tag\nq2 Q0 d3 1 1 tag\n"
    (tmp_path / "a").write_bytes(gzip.decompress((tmp_path / "a.gz").read_bytes()))
    read = list(ir_measures.read_trec_run(str(tmp_path / "a")))
    assert [(row.query_id, row.doc_id, row.score) for row in read] == [
        ("q1", "d1", 0.5),
        ("q1", "d2", 0.25),
        ("q2", "d3", 1.0),
    ]
