"""The files that a report is made from: garbage is named by its line, whatever it is."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starbench.errors import InputError
from starbench.stages.report.csv_file import as_number
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.adaptive import read_adaptive
from starbench.stages.report.tables.marks import marks_of, read_tests
from starbench.store.scores import ADAPTIVE_COLUMNS, COLUMNS, SIGNIFICANCE_COLUMNS
from tests.unit.runs import tiny_config

CONFIG = tiny_config()
SCORE = ["tiny-srl", "1", "1", "4", "n1-d4", "sts", "test", "cosine_spearman", "0.5", "10",
         "float32"]  # fmt: skip
TEST = ["sts", "test", "cosine_spearman", "tiny-srl", "1", "4", "tiny-srl", "2", "8", "-0.1",
        "bootstrap", "0.01", "0.02", "0.03", "10", "float32"]  # fmt: skip
FOUND = ["tiny-srl", "1", "test", "60", "n1-d4 -> n2-d8", "nDCG@10", "0.5", "0.6", "10", "20",
         "40", "80"]  # fmt: skip


def marks_in(path):
    return marks_of(read_tests(path, CONFIG), CONFIG)


READERS = {
    "scores": (COLUMNS, SCORE, lambda path: read_scores(path, CONFIG)),
    "significance": (SIGNIFICANCE_COLUMNS, TEST, marks_in),
    "adaptive": (ADAPTIVE_COLUMNS, FOUND, lambda path: read_adaptive(path, CONFIG)),
}


def written(path, columns, row):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, row])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", READERS)
def test_a_sound_row_is_read_and_a_missing_or_empty_file_is_named(kind, tmp_path):
    columns, row, read = READERS[kind]
    read(written(tmp_path / "sound.csv", columns, row))
    with pytest.raises(InputError, match=r"no .* at .*missing\.csv"):
        read(tmp_path / "missing.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match=r"empty\.csv:1: no column"):
        read(tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("kind", "column", "value", "message"),
    [
        ("scores", "queries", "9" * 30, "is not a number of queries"),
        ("scores", "queries", "٣", "is not a number of queries"),
        ("scores", "value", "0_1", "is not a score between -1 and 1"),
        ("scores", "value", " 0.1", "is not a score between -1 and 1"),
        ("significance", "p", "small", "p 'small' is not a number"),
        ("significance", "p", "1.5", "p 1.5 is not a probability"),
        ("significance", "holm", "inf", "holm 'inf' is not a number"),
        ("significance", "layers", "1.0", "layers '1.0' is not a whole number"),
        ("significance", "against", "tiny", "no against 'tiny'"),
        ("significance", "track", "st", "no track 'st'"),
        ("significance", "test", "z-test", "no test 'z-test'"),
        ("scores", "bits", "int8", "no bits 'int8' of track sts"),
        ("significance", "bits", "float16", "no bits 'float16' of track sts"),
        ("adaptive", "system", "tiny", "no system 'tiny'"),
        ("adaptive", "bytes_read", "", "bytes_read '' is not a whole number"),
        ("adaptive", "exact", "much", "exact 'much' is not a number"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(kind, column, value, message, tmp_path):
    columns, row, read = READERS[kind]
    changed = [value if name == column else of for name, of in zip(columns, row, strict=True)]
    with pytest.raises(InputError) as caught:
        read(written(tmp_path / "file.csv", columns, changed))
    assert f"file.csv:2: {message}" in str(caught.value) or f"'{value}' {message}" in str(
        caught.value
    )


@pytest.mark.parametrize("kind", ["scores", "significance"])
def test_a_file_of_a_version_without_bits_is_read_as_it_was(kind, tmp_path):
    columns, row, read = READERS[kind]
    assert columns[-1] == "bits"
    older = read(written(tmp_path / "older.csv", columns[:-1], row[:-1]))
    newer = read(written(tmp_path / "newer.csv", columns, row))
    if kind == "scores":
        older, newer = (table.drop(columns="bits").values.tolist() for table in (older, newer))
    assert older == newer


CELLS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["nan", "inf", "-1", "1e999", "1e5", "٣", "0x1", "1_0", '"', "\0", "\n", "10"]),
)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_bytes_raise_anything_but_an_input_error(kind, data, tmp_path_factory):
    columns, row, read = READERS[kind]
    path = tmp_path_factory.getbasetemp() / f"fuzzed-{kind}.csv"
    header = ",".join(columns).encode() + b"\n"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(st.sampled_from([b"", header])) + data.draw(st.binary()))
    else:
        changed = list(row)
        for place in data.draw(st.sets(st.integers(0, len(row) - 1), max_size=3)):
            changed[place] = data.draw(CELLS)
        path.write_bytes(header + ",".join(changed).encode("utf-8", "surrogatepass") + b"\n")
    try:
        read(path)
    except InputError as error:
        assert str(path) in str(error)


@given(st.floats(allow_nan=False))
def test_a_number_is_read_back_exactly(number):
    assert as_number(repr(number)) == number
