"""Collecting scores: the parts one after the other, and every damaged part named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starbench.errors import InputError
from starbench.stages.evaluate.collect import collect

COLUMNS = ("a", "b")


def test_the_rows_of_all_parts_stand_in_their_order_below_one_header(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text(f"a,b\n{number},1\n{number},2\n")
    collect(tmp_path / "all.csv", [tmp_path / f"{n}.csv" for n in (2, 0, 1)], COLUMNS)
    assert (tmp_path / "all.csv").read_text() == "a,b\n2,1\n2,2\n0,1\n0,2\n1,1\n1,2\n"


def test_files_of_a_version_without_the_last_column_get_its_value(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("a\n1\n2\n")
    new.write_text("a,b\n3,4\n")
    collect(tmp_path / "all.csv", [old, new], COLUMNS, {old: "x", new: "y"})
    assert (tmp_path / "all.csv").read_text() == "a,b\n1,x\n2,x\n3,4\n"
    with pytest.raises(InputError, match=r"old\.csv:1: the columns are not a,b"):
        collect(tmp_path / "all.csv", [old, new], COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"part\.csv:1: the columns are not a,b"),
        (b"a,c\n1,2\n", r"part\.csv:1: the columns are not a,b"),
        (b"a,b\n1,2\n3,", r"part\.csv:3: the file ends within a line"),
        (b"a,b\n\xff,2\n", r"part\.csv: not in UTF-8"),
        (None, r"cannot read .*part\.csv: No such file"),
    ],
)
def test_a_damaged_part_is_named_and_nothing_is_left(content, message, tmp_path):
    if content is not None:
        (tmp_path / "part.csv").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=message):
        collect(tmp_path / "all.csv", [tmp_path / "part.csv"], COLUMNS)
    assert sorted(tmp_path.iterdir()) == before


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.booleans())
def test_no_bytes_raise_anything_but_an_input_error(tmp_path_factory, content, headed):
    folder = tmp_path_factory.getbasetemp()
    (folder / "fuzzed.csv").write_bytes(b"a,b\n" * headed + content)
    try:
        collect(folder / "all.csv", [folder / "fuzzed.csv"], COLUMNS)
    except InputError as error:
        assert "fuzzed.csv" in str(error)
