"""OK, OKish and FAIL are told by two tolerances."""

import math

import pytest

from starbench.reproduce.units import Check
from starbench.reproduce.verdicts import compared, worst


def check(**keys):
    keys = {"tolerance": 0.001, "wide": 0.01} | keys
    return Check(got=["x.csv"], values={"a": 0.5}, **keys)


@pytest.mark.parametrize(
    ("expected", "got", "word"),
    [
        (0.5, 0.5, "OK"),
        (0.5, 0.501, "OK"),
        (0.5, 0.499, "OK"),
        (0.5, 0.5011, "OKish"),
        (0.5, 0.49, "OKish"),
        (0.5, 0.51001, "FAIL"),
        (0.5, -0.5, "FAIL"),
        (0.5, math.nan, "FAIL"),
        (0.5, None, "FAIL"),
        (0.0, 0.0005, "OK"),
    ],
)
def test_a_number_is_told_by_its_absolute_difference(expected, got, word):
    (number,) = compared(check(), {"a": expected}, {} if got is None else {"a": got})
    assert number.word == word


@pytest.mark.parametrize(
    ("expected", "got", "word"),
    [(200.0, 200.2, "OK"), (200.0, 201.9, "OKish"), (200.0, 202.1, "FAIL"), (-2.0, -2.001, "OK")],
)
def test_or_by_its_relative_one(expected, got, word):
    (number,) = compared(check(relative=True), {"a": expected}, {"a": got})
    assert number.word == word
    assert number.difference == pytest.approx(abs(got / expected - 1))


def test_what_was_made_besides_is_not_compared_and_what_is_missing_has_failed():
    found = compared(check(), {"a": 0.5, "b": 0.5}, {"b": 0.5, "c": 0.1})
    assert [(number.what, number.word) for number in found] == [("a", "FAIL"), ("b", "OK")]
    assert found[0].difference == math.inf


def test_a_unit_is_as_good_as_its_worst_number_and_none_is_a_failure():
    assert worst(["OK", "OKish", "OK"]) == "OKish"
    assert worst(["OK", "FAIL", "OKish"]) == "FAIL"
    assert worst([]) == "FAIL"
