"""Ids, relevances and scores of records: what they may be, and what is refused."""

import pytest

from starbench.errors import InputError
from starbench.sources.fields import identifier, number
from starbench.sources.judgements import relevance_of


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("007", "007"),
        (7, "7"),
        (-1, "-1"),
        (0, "0"),
        ("<dbpedia:Caf\u00e9_(\u201cbar\u201d)>", "<dbpedia:Caf\u00e9_(\u201cbar\u201d)>"),
        ("a\u200bb", "a\u200bb"),
        ("a\u00a0b", "a\u00a0b"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_texts_and_whole_numbers_are_ids(value, key):
    assert identifier({"id": value}, "id", "a:1") == key


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), (1.0, "float"), (True, "bool"), (["a"], "list"), ({"a": 1}, "dict")],
)
def test_values_of_other_types_are_no_ids(value, kind):
    with pytest.raises(InputError, match=f"^a:1: field 'id' is not an id, but of type {kind}: "):
        identifier({"id": value}, "id", "a:1")


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a\tb", "a\nb", "a\x00b", "\x1f", "a\x7f", "a\x85", "a\u2028b", "a\ud800"],
)
def test_what_a_line_of_fields_cannot_hold_is_no_id(value):
    with pytest.raises(
        InputError, match=r"^a:1: .* is not an id: it is empty or has spaces or control"
    ):
        identifier({"id": value}, "id", "a:1")


def test_an_error_shows_no_more_than_the_start_of_a_long_value():
    with pytest.raises(InputError) as raised:
        identifier({"id": "a b" * 5000}, "id", "a:1")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(("value", "found"), [("1", 1), (1.0, 1), ("2.0", 2), (-1, -1), ("0", 0)])
def test_whole_numbers_are_relevances(value, found):
    assert relevance_of(value, "a:1") == found


@pytest.mark.parametrize(
    "value", ["x", "", "1.5", "nan", "1e400", "inf", "1_0", None, True, [1], 10**400]
)
def test_what_is_no_whole_number_is_no_relevance(value):
    with pytest.raises(InputError, match=r"^a:1: the relevance is not a whole number"):
        relevance_of(value, "a:1")


@pytest.mark.parametrize("value", [2**31, "9007199254740993", -(2**40), "1e20", 10**30])
def test_a_relevance_beyond_32_bits_is_refused(value):
    with pytest.raises(InputError, match=r"^a:1: the relevance .* is too large"):
        relevance_of(value, "a:1")


@pytest.mark.parametrize("value", ["x", None, False, [], 10**400, "1e400", float("nan"), "1_0"])
def test_what_is_no_finite_number_is_no_score(value):
    with pytest.raises(InputError, match=r"^a:1: field 'score' is not a number"):
        number({"score": value}, "score", "a:1")
