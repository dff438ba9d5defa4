"""The last value that is taken, and the first one that is not."""

import pytest

from starbench.config.values import LARGEST, as_yaml_float, impossible_values, told_value
from starbench.config.yaml_text import MAX_DEPTH, MAX_VALUES


def problems(value):
    return [text for _, text in impossible_values(value)]


def nested(levels):
    value = 0
    for _ in range(levels):
        value = {"a": value}
    return value


def test_integers_are_taken_up_to_two_to_the_53():
    assert LARGEST == 2**53
    assert problems([2**53, -(2**53), 0]) == []
    wrong = "an integer beyond 2**53 in size"
    assert problems([2**53 + 1, -(2**53) - 1]) == [wrong, wrong]


def test_thirty_two_levels_are_taken_and_a_deeper_place_is_named_by_its_first_three_keys():
    assert MAX_DEPTH == 32
    assert problems(nested(32)) == []
    assert list(impossible_values(nested(33))) == [
        (("a", "a", "a"), "nested deeper than 32 levels")
    ]


def test_twenty_thousand_values_are_taken():
    assert MAX_VALUES == 20_000
    assert problems([0] * 19_999) == []
    assert list(impossible_values([0] * 20_000)) == [((), "more than 20000 values")]


def test_what_is_wrong_is_told_in_the_order_of_the_config_with_its_place():
    value = {"a": [1, float("inf")], "b": {"c": "x\x07"}, 3: 4, "d": object}
    assert list(impossible_values(value)) == [
        ((), "the key 3 is not text: put it in quotes"),
        (("a", 1), "inf is not a finite number"),
        (("b", "c"), "the text holds the control character U+0007"),
        (("d",), "<class 'object'> (type) is nothing that a config holds"),
    ]


@pytest.mark.parametrize("text", ["a\tb\nc\rd", "naïve — ünïcode", "", "\u200b", "𝔘"])
def test_texts_of_lines_and_all_scripts_are_taken(text):
    assert problems([text, {text: text}]) == []


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\x7f", "\x85", "\udfff"])
def test_control_characters_and_halves_are_refused_in_texts_and_keys(character):
    (text,) = problems([f"a{character}"])
    assert f"U+{ord(character):04X}" in text
    assert problems({f"a{character}": 1}) == [f"in a key: {text}"]


@pytest.mark.parametrize("character", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_characters_that_turn_the_text_around_them_are_refused(character):
    (text,) = problems([character])
    assert text.startswith(f"the text holds U+{ord(character):04X}, which turns")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"a" * 37, "b'" + "a" * 37 + "'"),
        (b"a" * 38, "b'" + "a" * 38 + "..."),
        (2**53, str(2**53)),
        (2**53 + 1, "of its size"),
        (None, "None"),
        ("é".encode(), r"b'\xc3\xa9'"),
    ],
)
def test_a_key_that_is_no_text_is_shown_in_forty_characters(key, shown):
    assert problems({key: 1}) == [f"the key {shown} is not text: put it in quotes"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-4", "1.0e-4"), ("2E5", "2.0e+5"), ("-1.5e3", "-1.5e+3"), ("+3e+2", "+3.0e+2"),
        (".5e1", ".5e+1"), ("7.e2", "7.e+2"), ("1", None), ("1.5", None), ("e5", None),
        ("1e", None), ("1e5x", None), ("one", None), (".e5", None),
    ],
)  # fmt: skip
def test_a_number_with_an_exponent_is_written_as_yaml_reads_it(text, number):
    assert as_yaml_float(text) == number


@pytest.mark.parametrize(("length", "shown"), [(60, "x" * 60), (61, "x" * 60 + "...")])
def test_a_text_is_shown_in_sixty_characters(length, shown):
    assert told_value("x" * length) == f"the text '{shown}'"
