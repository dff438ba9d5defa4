"""Which files a dataset of a folder is read from, and what is said where one is missing."""

import gzip
import json

import pytest

from starbench.errors import InputError
from starbench.sources.folder import FolderSource


@pytest.fixture
def root(tmp_path):
    """A data root with a text, records of two splits, and a BEIR folder."""
    for name in (
        "text/wiki.jsonl.gz", "sts/mine/test.jsonl", "sts/mine/dev.jsonl", "beir/corpus.jsonl.gz",
        "beir/queries.jsonl", "beir/qrels/test.tsv", "beir/qrels/train.tsv.gz",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def source(kind, name, **keys):
    return FolderSource(kind=kind, source="folder", name=name, **keys)


@pytest.mark.parametrize(
    ("kind", "keys", "names"),
    [
        ("text", {"name": "text/wiki"}, ["text/wiki.jsonl.gz"]),
        ("pairs", {"name": "sts/mine"}, ["sts/mine/test.jsonl"]),
        ("labelled", {"name": "sts/mine"}, ["sts/mine/test.jsonl"]),
        ("training-queries", {"name": "sts/mine", "split": "dev"}, ["sts/mine/dev.jsonl"]),
        (
            "collection",
            {"name": "beir"},
            ["beir/corpus.jsonl.gz", "beir/queries.jsonl", "beir/qrels/test.tsv"],
        ),
        (
            "collection",
            {"name": "beir", "corpus": "other"},
            ["beir/queries.jsonl", "beir/qrels/test.tsv"],
        ),
        (
            "training-queries",
            {"name": "beir", "split": "train"},
            ["beir/corpus.jsonl.gz", "beir/queries.jsonl", "beir/qrels/train.tsv.gz"],
        ),
    ],
)
def test_these_files_are_read(root, kind, keys, names):
    assert source(kind, **keys).files(root) == [root / name for name in names]


def test_a_plain_file_is_taken_before_a_packed_one(root):
    (root / "text" / "wiki.jsonl").touch()
    assert source("text", "text/wiki").path(root) == root / "text" / "wiki.jsonl"


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        ("text", {"name": "text/wikj"}, r"no file .*wikj\.jsonl or .*\.jsonl\.gz \(did .*'wiki'\?"),
        ("text", {"name": "nowhere/wiki"}, r"no file .*nowhere/wiki\.jsonl\.gz$"),
        ("pairs", {"name": "sts/mien"}, r"no folder .*sts/mien \(did you mean 'mine'\?\)"),
        ("pairs", {"name": "sts/mine", "split": "tset"}, r"tset\.jsonl.* \(did you mean 'test'"),
        ("collection", {"name": "bier"}, r"no folder .*bier$"),
        ("collection", {"name": "beir", "split": "dve"}, r"no file .*qrels/dve\.tsv"),
        ("collection", {"name": "sts/mine"}, r"no file .*corpus\.jsonl"),
    ],
)
def test_a_file_that_is_missing_is_named_with_what_there_is(root, kind, keys, message):
    with pytest.raises(InputError, match=message):
        source(kind, **keys).files(root)


def test_hard_negatives_are_of_beir_folders_with_training_queries_alone(root):
    with pytest.raises(ValueError, match="'negatives' is for training-queries, not for kind text"):
        source("text", "text/wiki", negatives=3)
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        source("training-queries", "beir", negatives=0)
    with pytest.raises(InputError, match=r"'negatives' is for BEIR folders, and .*sts/mine has no"):
        list(source("training-queries", "sts/mine", negatives=3).records(root))


def test_records_are_named_by_file_and_line_and_cut_to_the_wanted_number(root):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in "abc")
    path = root / "text" / "wiki.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    found = list(source("text", "text/wiki", rows=2).records(root))
    assert found == [(f"{path}:1", {"text": "a"}), (f"{path}:2", {"text": "b"})]
    assert len(list(source("text", "text/wiki").records(root))) == 3


def test_thirty_negatives_are_mined_if_not_said_otherwise(root):
    beir = root / "beir"
    corpus = [{"_id": f"d{n}", "text": f"a cat of number {n}"} for n in range(60)]
    text = "".join(json.dumps(record) + "\n" for record in corpus)
    (beir / "corpus.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (beir / "queries.jsonl").write_text('{"_id": "q", "text": "which cat"}\n')
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td7\t1\n")
    for keys, count in (({}, 30), ({"negatives": 4}, 4)):
        ((_, record),) = source("training-queries", "beir", **keys).records(root)
        assert len(record["negative_passages"]) == count
        assert "d7" not in {passage["docid"] for passage in record["negative_passages"]}
    found = source("collection", "beir", rows=5).collection(root)
    assert [record["id"] for _, record in found.passages] == ["d0", "d1", "d2", "d3", "d4"]
