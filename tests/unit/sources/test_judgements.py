"""A relevance is a whole number, however it is written."""

import math

import pytest

from starbench.errors import InputError
from starbench.sources.judgements import relevance_of


@pytest.mark.parametrize(
    ("value", "relevance"),
    [(1, 1), (0, 0), (-2, -2), ("3", 3), ("1.0", 1), (2.0, 2), (" 1 ", 1), ("-1", -1)],
)
def test_whole_numbers_are_taken(value, relevance):
    found = relevance_of(value, "f:1")
    assert found == relevance
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [True, False, None, "", "good", 0.5, "1.5", math.nan, math.inf, []]
)
def test_what_is_no_whole_number_is_named_with_its_place(value):
    with pytest.raises(InputError) as caught:
        relevance_of(value, "file:7")
    assert str(caught.value) == f"file:7: the relevance is not a whole number: {value!r}"


def test_the_largest_relevance_is_that_of_32_bits():
    assert relevance_of(2**31 - 1, "f:1") == 2**31 - 1
    with pytest.raises(InputError):
        relevance_of(2**31, "f:1")
