"""The hub's repositories as they are: scripts, branches, moved commits, parts of collections."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.store.records import PASSAGES, QRELS, QUERIES
from tests.hub.client import Client
from tests.hub.server import serve, write_repository
from tests.unit.runs import tiny_value

CONFIGS = Path(__file__).parents[3] / "config"
SCRIPT = "import datasets\n\n\nclass Queries(datasets.GeneratorBasedBuilder):\n    pass\n"


@pytest.fixture
def server(tmp_path):
    running = serve(tmp_path / "hub")
    yield running
    running.shutdown()


def packed(*records):
    return gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode())


def query(number, text):
    passages = [{"docid": "d", "title": "", "text": "a text"}]
    return {
        "query_id": number,
        "query": text,
        "positive_passages": passages,
        "negative_passages": [{"docid": "n", "title": "A title", "text": "not it"}],
    }


def parquet(records):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), out)
    return out.getvalue()


def hub(kind, **keys):
    return {"kind": kind, "source": "hub", "name": "owner/things", **keys}


def test_a_repository_with_a_script_is_refused_with_the_remedies_and_read_by_file_and_branch(
    tmp_path, server
):
    files = {"things.py": SCRIPT, "train.jsonl.gz": packed(query("007", "who")), "dev.jsonl": b"{"}
    commit = write_repository(tmp_path / "hub", "datasets", "owner/things", files)
    converted = {"default/train/0000.parquet": parquet([query("7", "converted")])}
    branch = "refs/convert/parquet"
    other = write_repository(tmp_path / "hub", "datasets", "owner/things", converted, branch)
    client = Client.of(
        server,
        tmp_path,
        datasets={
            "plain": hub("training-queries"),
            "file": hub("training-queries", revision="main", data_files="train.jsonl.gz"),
            "branch": hub("training-queries", revision=branch),
            "parts": hub("training-queries", revision=other, data_files=["default/train/*"]),
        },
    )
    refused = client.fetch("plain")
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
    assert "cannot load hub dataset 'owner/things', split 'train'" in line
    assert "`data_files`" in line
    assert "`revision: refs/convert/parquet`" in line
    assert not list(client.paths.dataset("plain").iterdir())

    done = client.fetch("file", "branch", "parts")
    assert done.returncode == 0, done.stderr
    assert client.rows("file") == [query("007", "who")], "an id stays a text"
    assert client.manifest("file")["commits"] == {"revision": commit}
    assert client.rows("branch") == client.rows("parts") == [query("7", "converted")]
    assert client.manifest("branch")["commits"] == {"revision": other}
    assert client.manifest("file")["titles"] == {"passages": 2, "titled": 1}


def test_files_are_those_of_the_commit_not_of_the_branch_that_moved_on(tmp_path, server):
    root = tmp_path / "hub"
    old = write_repository(root, "datasets", "owner/things", {"a.jsonl": '{"text": "old"}\n'})
    new = write_repository(root, "datasets", "owner/things", {"a.jsonl": '{"text": "new"}\n'})
    client = Client.of(
        server,
        tmp_path,
        datasets={
            "old": hub("text", revision=old, data_files="a.jsonl"),
            "new": hub("text", revision="main", data_files="a.jsonl", streaming=True),
            "split": hub("text", revision=old),
            "missing": hub("text", revision="main", data_files="b.jsonl"),
        },
    )
    done = client.fetch("old", "new", "split")
    assert done.returncode == 0, done.stderr
    assert client.rows("old") == client.rows("split") == [{"text": "old"}]
    assert client.rows("new") == [{"text": "new"}]
    assert client.manifest("new")["commits"] == {"revision": new}
    refused = client.fetch("missing")
    assert f"owner/things at {new} has no file 'b.jsonl' (did you mean 'a" in refused.stderr


def test_another_commit_in_the_cache_is_never_taken_for_the_one_that_is_wanted(tmp_path, server):
    """Where `datasets` cannot have a commit it returns one of its cache, with a line in the log."""
    root = tmp_path / "hub"
    old = write_repository(root, "datasets", "owner/things", {"a.jsonl": '{"text": "old"}\n'})
    new = write_repository(
        root, "datasets", "owner/things", {"a.jsonl": '{"text": "new"}\n', "things.py": SCRIPT}
    )
    client = Client.of(
        server,
        tmp_path,
        datasets={
            "old": hub("text", revision=old),
            "again": hub("text", revision=old),
            "new": hub("text", revision=new),
            "gone": hub("text", revision="0" * 40),
        },
    )
    done = client.fetch("old")
    assert done.returncode == 0, done.stderr
    refused = client.fetch("new")
    assert refused.returncode == 2, "the old commit was taken"
    assert "has a loading script" in refused.stderr
    refused = client.fetch("gone")
    assert refused.returncode == 2, "the old commit was taken"
    assert "error: cannot load hub dataset 'owner/things'" in refused.stderr
    refused = client.fetch("new", HF_HUB_OFFLINE="1")
    assert refused.returncode == 2, "the old commit was taken"
    assert "(HF_HUB_OFFLINE is set)" in refused.stderr
    offline = client.fetch("again", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr
    assert client.rows("again") == [{"text": "old"}]


def test_the_parts_of_a_collection_come_each_from_where_they_are(tmp_path, server):
    root = tmp_path / "hub"
    corpus = [{"docid": f"{n}", "title": "-" if n else "A title", "text": f"{n}"} for n in range(3)]
    passages = write_repository(
        root, "datasets", "owner/corpus", {"corpus.py": SCRIPT, "corpus.jsonl.gz": packed(*corpus)}
    )
    asked = {"dev.jsonl.gz": packed(query("1", "one"), query("2", "two"), query("3", "unjudged"))}
    asked |= {"dl19.jsonl.gz": packed(query("9", "nine"))}
    queries = write_repository(root, "datasets", "owner/queries", {"queries.py": SCRIPT, **asked})
    for name, judged in {"dev": "1 0 0 1\n2 0 1 1\n2 0 77 1\n", "dl19": "9 0 2 3\n"}.items():
        (tmp_path / f"{name}.qrels").write_text(judged)
    registered = {
        f"tests/{name}": {"qrels_trec": str(tmp_path / f"{name}.qrels")} for name in ("dev", "dl19")
    }
    renamed = {"id": "query_id", "text": "query"}
    client = Client.of(
        server,
        tmp_path,
        datasets={
            "dev": {
                "kind": "collection",
                "source": "hub",
                "name": "owner/corpus",
                "revision": passages,
                "passages": {"data_files": "corpus.jsonl.gz", "columns": {"id": "docid"}},
                "queries": {
                    "name": "owner/queries",
                    "revision": "main",
                    "data_files": "dev.jsonl.gz",
                    "columns": renamed,
                },
                "qrels": {"ir_datasets": "tests/dev"},
            },
            "dl19": {
                "kind": "collection",
                "source": "hub",
                "corpus": "dev",
                "name": "owner/queries",
                "revision": "main",
                "queries": {"data_files": "dl19.jsonl.gz", "columns": renamed},
                "qrels": {"ir_datasets": "tests/dl19"},
            },
        },
    )
    done = client.fetch("dev", "dl19", collections=registered)
    assert done.returncode == 0, done.stderr
    assert client.rows("dev", PASSAGES) == [
        {"id": "0", "text": "A title 0"},
        {"id": "1", "text": "- 1"},
        {"id": "2", "text": "- 2"},
    ]
    assert client.rows("dev", QUERIES) == [{"id": "1", "text": "one"}, {"id": "2", "text": "two"}]
    assert client.rows("dev", QRELS)[2] == {"query": "2", "passage": "77", "relevance": 1}
    manifest = client.manifest("dev")
    assert manifest["commits"] == {"revision": passages, "queries.revision": queries}
    assert manifest["titles"] == {"passages": 3, "titled": 1}
    assert manifest["findings"] == {"unknown_passages": 1}
    assert "1 judgements are of a passage that is not in the collection" in done.stderr
    assert client.rows("dl19", QUERIES) == [{"id": "9", "text": "nine"}]
    assert client.manifest("dl19")["commits"] == {"revision": queries}


def test_a_collection_in_mtebs_layout_needs_no_key_but_its_name(tmp_path, server):
    card = "---\nconfigs:\n" + "".join(
        f"- config_name: {name}\n  data_files:\n  - {{split: {split}, path: {path}}}\n"
        for name, split, path in [
            ("default", "test", "qrels/test.jsonl"),
            ("corpus", "corpus", "corpus.jsonl"),
            ("queries", "queries", "queries.jsonl"),
        ]
    )
    write_repository(
        tmp_path / "hub",
        "datasets",
        "owner/things",
        {
            "README.md": card + "---\n",
            "corpus.jsonl": '{"_id": "a", "title": "T", "text": "x"}\n',
            "queries.jsonl": '{"_id": "q", "text": "y"}\n',
            "qrels/test.jsonl": '{"query-id": "q", "corpus-id": "a", "score": 1.0}\n',
        },
    )
    client = Client.of(server, tmp_path, datasets={"given": hub("collection")})
    done = client.fetch("given")
    assert done.returncode == 0, done.stderr
    assert client.rows("given", PASSAGES) == [{"id": "a", "text": "T x"}]
    assert client.rows("given", QRELS) == [{"query": "q", "passage": "a", "relevance": 1}]


def repositories(value):
    """Every mapping of a config that names a repository of the hub."""
    for dataset in value["datasets"].values():
        if dataset["source"] == "hub":
            yield dataset
            for part in ("passages", "queries", "qrels"):
                if "name" in dataset.get(part, {}):
                    yield dataset[part]
    for backbone in value["backbones"].values():
        checkpoint = backbone.get("checkpoint", {"name": "."})
        if not checkpoint["name"].startswith((".", "/", "package:")):
            yield checkpoint


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_repository_in_our_configs_names_a_revision(file):
    found = list(repositories(yaml.safe_load(file.read_text())))
    assert all("revision" in repository for repository in found)
    assert len(found) >= (15 if file.stem == "paper" else 0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data_files": "a.jsonl"}, "'data_files' needs a 'revision'"),
        (
            {"data_files": "a.jsonl", "revision": "main", "split": "test"},
            r"given\.split: give that or",
        ),
        ({"name": "./here", "revision": "main"}, r"given\.revision: \./here is a folder"),
        ({"kind": "collection", "columns": {"id": "x"}}, "'columns' of a collection belongs into"),
        (
            {"kind": "collection", "queries": {"ir_datasets": "x", "split": "test"}},
            "'split' does not go with 'ir_datasets'",
        ),
        (
            {"kind": "collection", "corpus": "test", "passages": {"name": "a/b"}},
            r"given\.passages: they are those of the collection in 'corpus'",
        ),
        (
            {"kind": "collection", "qrels": {"name": "a/b", "data_files": "q.tsv"}},
            "'data_files' needs a 'revision'",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(keys, message):
    with pytest.raises(InputError, match=message):
        parse_config(tiny_value(datasets={"given": hub("text") | keys}))
