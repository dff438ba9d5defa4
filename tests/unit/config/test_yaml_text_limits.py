"""The longest, deepest and widest files that are read, what is longer, and their lines."""

import pytest
import yaml

from starbench.config.yaml_text import MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse_yaml, read_yaml
from starbench.errors import InputError


def refused(text):
    with pytest.raises(InputError) as caught:
        parse_yaml(text.encode(), "c")
    return str(caught.value)


def test_a_file_of_256_kib_is_read_and_none_that_is_a_byte_longer(tmp_path):
    assert MAX_BYTES == 2**18
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * (2**18 - 5))
    assert read_yaml(path).value == {"a": 1}
    path.write_bytes(b"a: 1\n" + b"#" * (2**18 - 4))
    with pytest.raises(InputError, match="larger than 256 KiB"):
        read_yaml(path)


def test_thirty_two_levels_are_read_and_a_deeper_one_is_named_by_its_line():
    assert MAX_DEPTH == 32
    value = parse_yaml(b"[" * 32 + b"]" * 32, "c").value
    assert repr(value) == "[" * 32 + "]" * 32
    assert refused("\n[" * 33 + "]" * 33).startswith("c:34: nested deeper than 32 levels")
    # Levels that have ended do not count.
    assert len(parse_yaml(b"- [[a]]\n" * 40, "c").value) == 40


def test_twenty_thousand_values_are_read_aliases_counted_with_what_they_stand_for():
    assert MAX_VALUES == 20_000
    row = "[" + ", ".join("x" * 99) + "]"  # with the list itself a hundred values
    # The list and 199 rows are 19,901 values, so 99 single ones may follow.
    text = f"- &row {row}\n" + "- *row\n" * 198 + "- y\n" * 99
    assert len(parse_yaml(text.encode(), "c").value) == 298
    assert "more than 20000 values, aliases written out" in refused(text + "- y\n")


def test_a_mapping_counts_its_keys_and_its_values():
    text = "".join(f"k{number}: 0\n" for number in range(9_999))
    assert len(parse_yaml((text + "# 19,999 values\n").encode(), "c").value) == 9_999
    assert "more than 20000 values" in refused(text + "last: 0\n")


@pytest.mark.parametrize("text", ["0", "-0", "+0", "10", "1_000", "-7", "0.5", "-0.5", "1.0e+3"])
def test_decimal_numbers_are_read_as_yaml_has_them(text):
    assert parse_yaml(f"a: {text}\n".encode(), "c").value == yaml.safe_load(f"a: {text}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("07", "not decimal"), ("-07", "not decimal"), ("0_7", "not decimal"), ("0x1F", "decimal"),
        ("0b1", "not decimal"), ("-1:30", "in base 60"), ("1:30.5", "in base 60"),
    ],
)  # fmt: skip
def test_numbers_that_are_not_decimal_are_refused(text, what):
    message = refused(f"b: 1\na: {text}\n")
    assert message.startswith(f"c:2: '{text}' is ")
    assert what in message


@pytest.mark.parametrize(("length", "shown"), [(40, "1" * 40), (41, "1" * 40 + "...")])
def test_a_value_is_shown_in_forty_characters(length, shown):
    message = refused(f"a: !!timestamp {'1' * length}\n")
    assert message.startswith(f"c:1: '{shown}' is a date in YAML")


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [(b"\xff", 1, "ff"), (b"a:\n\n\xe4", 3, "e4"), (b"\n\xc3", 2, "c3")],
)
def test_a_byte_that_is_no_utf8_is_named_with_its_line(data, line, byte):
    with pytest.raises(InputError, match=f"^c:{line}: byte 0x{byte} is not UTF-8"):
        parse_yaml(data, "c")


def test_every_key_and_item_has_its_line():
    found = parse_yaml(b"a:\n  - x\n  - {b: 1,\n     c: [2]}\nd: 3\n", "c")
    assert found.lines == {
        ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3, ("a", 1, "c"): 4,
        ("a", 1, "c", 0): 4, ("d",): 5,
    }  # fmt: skip


def test_an_empty_file_holds_nothing_and_tags_are_shown_as_they_are_written():
    assert parse_yaml(b"", "c").value is None
    assert parse_yaml(b"", "c").lines == {}
    assert refused("a: !!set {x}\n") == "c:1: the tag !!set is not for configs"
    assert refused("a: !!int x\n") == "c:1: 'x' is no !!int"


def test_a_key_that_is_given_twice_within_a_list_is_named_with_both_lines():
    assert refused("x:\n  - k: 1\n    l: 2\n    k: 3\n") == (
        "c:4: the key 'k' is given twice, first on line 2"
    )
