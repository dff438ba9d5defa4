"""Files of a repository by name: every format gives the same records, with no types guessed."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbench.errors import InputError
from starbench.sources.hub_files import HubFiles

RECORDS = [
    {"id": "007", "text": 'He said "no", 2020-01-01'},
    {"id": "NA", "text": ""},
    {"id": "1e5", "text": "naïve — ünïcode"},
]


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def written(folder, name):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = name.removesuffix(".gz").rsplit(".", 1)[1]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(RECORDS), path)
        return
    lines = {
        "jsonl": [json.dumps(record) for record in RECORDS],
        "tsv": ["id\ttext", *(f"{r['id']}\t{r['text']}" for r in RECORDS)],
        "csv": [
            "id,text",
            *('{},"{}"'.format(r["id"], r["text"].replace('"', '""')) for r in RECORDS),
        ],
    }[kind]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def cut_gzip(line):
    """Return a compressed file of many lines without its end."""
    return gzip.compress(line * 99, mtime=0)[:-9]


def read(folder, *patterns):
    return list(HubFiles(str(folder), None, patterns).records())


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.tsv", "a.tsv.gz", "a.csv", "a.csv.gz", "a.parquet"]
)
def test_every_format_gives_the_same_records_and_texts_stay_texts(tmp_path, name):
    written(tmp_path, name)
    found = read(tmp_path, name)
    assert [record for _, record in found] == RECORDS
    lines = {"csv": 2, "tsv": 2}.get(name.split(".")[1], 1)
    assert found[0][0] == f"{tmp_path}/{name}:{lines}"


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_byte_order_mark_and_ends_of_lines_as_windows_has_them_are_no_part_of_a_table(
    tmp_path, name
):
    comma = "\t" if name == "a.tsv" else ","
    (tmp_path / name).write_bytes(f"\ufeffid{comma}text\r\n007{comma}a\r\n".encode())
    assert [record for _, record in read(tmp_path, name)] == [{"id": "007", "text": "a"}]


def test_patterns_are_read_in_their_order_and_each_file_once(tmp_path):
    for name in ("data/b-1.jsonl", "data/b-0.jsonl", "data/a.jsonl"):
        written(tmp_path, name)
    found = [where.rpartition(":")[0] for where, _ in read(tmp_path, "data/b-*", "data/*.jsonl")]
    names = list(dict.fromkeys(name.removeprefix(f"{tmp_path}/data/") for name in found))
    assert names == ["b-0.jsonl", "b-1.jsonl", "a.jsonl"]
    assert len(found) == 9


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"x", r"a\.txt: the name tells no format .*\.jsonl, \.json, \.csv"),
        ("a.parquet", b"not parquet", r"a\.parquet: not a Parquet file"),
        # Without a time stamp: each process of a parallel test run makes the same test of it.
        ("a.jsonl.gz", cut_gzip(b'{"a": 1}\n'), r"gz:\d+: the gzip file is damaged"),
        ("a.csv.gz", cut_gzip(b"a\n"), r"gz:\d+: the gzip file is damaged"),
        ("a.jsonl", b'{"a": \n', r"a\.jsonl:1: not JSON"),
        ("a.tsv", b"id\ttext\n1\tx\ty\n", r"a\.tsv:2: 3 fields, 2 columns in line 1"),
        ("a.csv", b"id,text\n\xe9,x\n", r"a\.csv:2: not UTF-8 text"),
        ("a.csv", b'id,text\n1,"x\n', r"a\.csv:\d: not a table"),
        ("a.csv", b"id,text,id\n1,x,2\n", r"a\.csv:1: the column 'id' appears twice"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_error_with_its_place(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read(tmp_path, name)


def test_a_file_that_is_not_there_is_named_with_the_nearest(tmp_path):
    written(tmp_path, "train.jsonl")
    with pytest.raises(InputError, match=r"has no file 'trian.jsonl' \(did you mean 'train.jsonl'"):
        read(tmp_path, "trian.jsonl")
