"""Names of measures: which are known, how they are spelt, how deep they look, what they may be."""

import pytest
from mteb.abstasks.sts import AbsTaskSTS

from starbench.config.reading import parse_config
from starbench.measures import (
    MORE_PAIRS,
    PAIRS,
    label_of,
    pairs_measure,
    range_of,
    ranking_measure,
)
from starbench.run.measured import measures_of
from tests.unit.runs import tiny_value


@pytest.mark.parametrize(
    ("name", "cutoff"),
    [("nDCG@10", 10), ("nDCG@20", 20), ("AP", None), ("RR", None), ("Success@5", 5)],
)
def test_a_measure_of_rankings_looks_as_deep_as_its_name_says(name, cutoff):
    assert ranking_measure(name).cutoff == cutoff
    assert range_of(name) == (0, 1)
    assert label_of(name) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MAP", "write AP for 'MAP'"),
        ("nDCG@10 ", "write nDCG@10 for 'nDCG@10 '"),
        ("ndcg@10", "did you mean 'nDCG@10'?"),
        ("import os", "no measure of rankings"),
        ("NumRet", "count over all queries"),
        ("ERR@10", "neither trec_eval nor ir_measures"),
        ("P@0", "looks at no passage"),
    ],
)
def test_another_name_is_refused_with_what_would_be_right(name, told):
    with pytest.raises(ValueError) as error:
        ranking_measure(name)
    assert told in str(error.value)


def test_measures_of_pairs_are_those_of_mtebs_tasks():
    given = AbsTaskSTS.__module__
    keys = __import__(given, fromlist=["STSMetrics"]).STSMetrics.__annotations__
    assert {*PAIRS, *MORE_PAIRS} == {key for key in keys if "_" in key}
    with pytest.raises(ValueError, match="no measure of pairs 'AP'"):
        pairs_measure("AP")


def test_a_value_of_a_measure_that_nothing_knows_is_between_minus_one_and_one():
    assert range_of("a measure of a track") == (-1, 1)


def test_each_measure_that_a_config_asks_for_is_computed_once():
    value = tiny_value(
        datasets={"library": {"kind": "collection", "source": "micro", "rows": 40, "metric": "AP"}},
        systems={"base": {"backbone": "tiny", "objective": "untouched"}},
        tracks={"retrieval": {"tasks": ["library"], "measures": ["nDCG@20", "AP", "RR@10"]}},
    )
    found = [measure.name for measure in measures_of(parse_config(value), "retrieval", "library")]
    assert found == ["RR@10", "nDCG@10", "R@100", "R@1000", "AP", "nDCG@20"]
