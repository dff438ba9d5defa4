"""Lines of text and JSON: whatever is wrong with a file is one line with its place."""

import gzip
import zlib

import pytest

from starbench.errors import InputError
from starbench.machine.lines import read_jsonl, read_lines

GOOD = b'{"a": 1}\n'


def written(tmp_path, data, name="a.jsonl"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def broken_gzip(position):
    """A gzip file of many lines with a byte of its body changed."""
    packed = bytearray(gzip.compress(b"".join(b'{"a": %d}\n' % n for n in range(9999)), mtime=0))
    packed[position] ^= 0xFF
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(bytes(packed))
    return bytes(packed)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD * 5000 + b'{"a": "\xe9"}\n' + GOOD, r"jsonl:5001: not UTF-8 text"),
        ('{"a": 1}\n'.encode("utf-16"), r"jsonl:1: not UTF-8 text"),
        (GOOD + b'{"a": "\\ud800"}\n', r"jsonl:2: an escape in it .* is half a character"),
        (GOOD + b'{"\\udfff": ["x"]}\n', r"jsonl:2: an escape in it .* is half a character"),
        (GOOD + b'{"a": ' + b"9" * 5000 + b"}\n", r"jsonl:2: a number in it has too many digits"),
        (GOOD + b'{"a": ' + b"[" * 200000, r"jsonl:2: its lists and objects are nested too deeply"),
        (GOOD + b"\n\n[1]\n", r"jsonl:4: expected a JSON object, got list"),
        (GOOD + b'{"a": 1} {"a": 2}\n', r"jsonl:2: not JSON \(Extra data at column 10\)"),
        (GOOD + b'{"a": "\x00"}\n', r"jsonl:2: not JSON \(Invalid control character"),
    ],
)
def test_what_is_wrong_with_json_lines_is_named_by_its_line(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        list(read_jsonl(written(tmp_path, data)))


@pytest.mark.parametrize(
    "data",
    [GOOD, gzip.compress(GOOD * 99, mtime=0)[:-9], b"", broken_gzip(40), broken_gzip(-6)],
    ids=["plain", "cut", "empty", "body", "checksum"],
)
def test_a_damaged_gzip_is_named(tmp_path, data):
    path = written(tmp_path, data, "a.jsonl.gz")
    if not data:  # nothing is damaged in a file of nothing
        assert list(read_jsonl(path)) == []
        return
    with pytest.raises(InputError, match=r"a\.jsonl\.gz:\d+: the gzip file is damaged"):
        list(read_jsonl(path))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_byte_order_mark_ends_of_lines_and_blank_lines_are_no_part_of_records(tmp_path, pack):
    data = '\ufeff{"a": 1}\r\n\r\n{"b": "\\ud83d\\ude00 \u2028"}'.encode()
    name = "a.jsonl" if pack is bytes else "a.jsonl.gz"
    found = list(read_jsonl(written(tmp_path, pack(data), name)))
    assert found == [(1, {"a": 1}), (3, {"b": "\U0001f600 \u2028"})]


def test_lines_are_those_that_editors_count(tmp_path):
    path = written(tmp_path, "a\u2028b\x0cc\x85d\ne\n".encode())
    assert list(read_lines(path)) == [(1, "a\u2028b\x0cc\x85d\n"), (2, "e\n")]
