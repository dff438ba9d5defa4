"""The local files of every source are found, recorded, and followed."""

import json
import shutil

import pytest

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.data.origins import checkpoint_stamp, dataset_files, dataset_stamp
from starbench.store.manifest import read_manifest
from tests.unit.runs import tiny_value


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A config with a dataset of each local source, its paths, and the files on disk."""
    beir = tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    texts = [{"_id": f"p{n}", "title": "", "text": f"passage {n}"} for n in range(4)]
    (beir / "corpus.jsonl").write_text("".join(json.dumps(t) + "\n" for t in texts))
    (beir / "queries.jsonl").write_text('{"_id": "q", "text": "passage 1"}\n')
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tp1\t1\n")
    (tmp_path / "hub" / ".cache").mkdir(parents=True)
    (tmp_path / "hub" / ".cache" / "x").write_text("x")
    (tmp_path / "hub" / "train.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "wiki.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    value = tiny_value(
        data_root=str(tmp_path),
        datasets={
            "wiki": {"kind": "text", "source": "folder", "name": "wiki"},
            "library": {"kind": "collection", "source": "folder", "name": "beir"},
            "shared": {
                "kind": "collection", "source": "folder", "name": "beir", "corpus": "library",
            },
            "mined": {"kind": "training-queries", "source": "folder", "name": "beir"},
            "hub": {"kind": "text", "source": "hub", "name": str(tmp_path / "hub")},
            "remote": {"kind": "text", "source": "hub", "name": "nowhere/texts"},
        },
    )  # fmt: skip
    config = parse_config(value)
    return config, RunPaths.of(config, tmp_path / "results")


def test_every_source_names_the_files_it_reads(opened, tmp_path):
    config, _ = opened
    corpus, queries, qrels = "beir/corpus.jsonl", "beir/queries.jsonl", "beir/qrels/test.tsv"
    for name, expected in {
        "wiki": ["wiki.jsonl"],
        "library": [corpus, queries, qrels],
        "shared": [queries, qrels],
        "mined": [corpus, queries, qrels],
        "hub": ["hub/train.jsonl"],
        "remote": [],
        "train": [],
    }.items():
        found = dataset_files(config, name) or []
        assert [path.relative_to(tmp_path).as_posix() for path in found] == expected, name


def test_an_edit_changes_the_stamp_and_the_identity_of_what_is_fetched(opened, tmp_path):
    config, paths = opened
    before = dataset_stamp(config, paths, "library")
    fetch_dataset(config, paths, "library")
    first = read_manifest(paths.dataset("library"))
    assert first["source_files"].keys() == {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv"}
    assert dataset_stamp(config, paths, "library") == before
    corpus = tmp_path / "beir" / "corpus.jsonl"
    corpus.write_text("".join(corpus.read_text().splitlines(keepends=True)[:2]))
    edited = dataset_stamp(config, paths, "library")
    assert edited != before
    fetch_dataset(config, paths, "library")
    second = read_manifest(paths.dataset("library"))
    assert second["records"]["passages.arrow"] == 2
    assert second["identity"] != first["identity"]
    assert dataset_stamp(config, paths, "library") == edited


def test_a_local_folder_read_by_datasets_is_followed_too(opened, tmp_path):
    config, paths = opened
    fetch_dataset(config, paths, "hub")
    before = dataset_stamp(config, paths, "hub")
    (tmp_path / "hub" / ".cache" / "x").write_text("hidden files are not read")
    assert dataset_stamp(config, paths, "hub") == before
    (tmp_path / "hub" / "train.jsonl").write_text('{"text": "two"}\n')
    assert dataset_stamp(config, paths, "hub") != before


def test_files_out_of_reach_leave_the_stamp_as_it_was(opened, tmp_path):
    config, paths = opened
    for name in ("wiki", "hub"):
        fetch_dataset(config, paths, name)
        before = dataset_stamp(config, paths, name)
        assert before is not None
        for path in (tmp_path / "wiki.jsonl", tmp_path / "hub"):
            if path.exists():
                path.rename(path.with_name(f"away-{path.name}"))
        assert dataset_files(config, name) is None
        assert dataset_stamp(config, paths, name) == before
        for path in (tmp_path / "wiki.jsonl", tmp_path / "hub"):
            path.with_name(f"away-{path.name}").rename(path)


def test_made_data_and_repositories_have_no_stamp(opened):
    config, paths = opened
    assert dataset_stamp(config, paths, "train") is None
    assert dataset_stamp(config, paths, "remote") is None


def test_a_checkpoint_in_a_folder_is_followed(tmp_path, tiny_checkpoint):
    local = shutil.copytree(tiny_checkpoint, tmp_path / "local")
    config = parse_config(tiny_value(backbones={"tiny": {"checkpoint": {"name": str(local)}}}))
    paths = RunPaths.of(config, tmp_path / "results")
    before = checkpoint_stamp(config, paths, "tiny")
    fetch_checkpoint(config, paths, "tiny")
    assert checkpoint_stamp(config, paths, "tiny") == before
    text = (local / "tokenizer_config.json").read_text()
    (local / "tokenizer_config.json").write_text(text)
    assert checkpoint_stamp(config, paths, "tiny") == before, "written again, with equal contents"
    (local / "tokenizer_config.json").write_text(text + "\n")
    edited = checkpoint_stamp(config, paths, "tiny")
    assert edited not in (before, None)
    fetch_checkpoint(config, paths, "tiny")
    assert checkpoint_stamp(config, paths, "tiny") == edited
    assert "tokenizer_config.json" in read_manifest(paths.checkpoint("tiny"))["source_files"]
