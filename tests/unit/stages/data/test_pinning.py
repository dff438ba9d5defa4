"""Commits are written into a config file, and nothing else in it changes."""

import difflib
from pathlib import Path

import pytest
import yaml

from starbench.config.reading import load_config
from starbench.run.fetched import checkpoint_slice, dataset_slice
from starbench.run.paths import RunPaths
from tests.hub.client import Client
from tests.hub.server import serve, write_repository
from tests.unit.runs import tiny_value

PAPER = Path(__file__).parents[4] / "config" / "paper.yaml"


@pytest.fixture
def server(tmp_path):
    running = serve(tmp_path / "hub")
    yield running
    running.shutdown()


def pin(client, file):
    done = client.data(["--pin", "--config", str(file)])
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_papers_config_gets_commits_for_branches_and_stays_as_it_is_otherwise(tmp_path, server):
    root = tmp_path / "hub"
    queries = write_repository(root, "datasets", "Tevatron/msmarco-passage", {"a": "b"})
    model = write_repository(root, "models", "google-bert/bert-base-uncased", {"config.json": "{}"})
    copy = tmp_path / "paper.yaml"
    copy.write_text(PAPER.read_text())
    client = Client.of(server, tmp_path)
    *changes, last = pin(client, copy)
    assert last == f"{copy}: 4 revisions written"
    assert f"datasets.msmarco-dev.queries.revision: main -> {queries}" in changes
    assert f"datasets.dl19.revision: main -> {queries}" in changes
    assert f"backbones.bert.checkpoint.revision: main -> {model}" in changes
    before, after = PAPER.read_text().splitlines(), copy.read_text().splitlines()
    assert len(before) == len(after)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 4
    for old, new in changed:
        assert new in [
            old.replace("revision: main", f"revision: {sha}") for sha in (queries, model)
        ]
    assert load_config(copy).datasets["dl20"].revision == queries

    pinned = copy.read_bytes()
    assert pin(client, copy) == [f"{copy}: 0 revisions written"]
    assert copy.read_bytes() == pinned


LAYOUTS = """\
datasets:
  block:
    # Why this one.
    name: owner/texts  # a comment beside it
    kind: text
    source: hub
  flow: {kind: text, source: hub, name: owner/texts, rows: 3}  # kept
  digits: {kind: text, source: hub, name: owner/digits}
"""


def test_a_revision_is_added_where_there_is_none_and_one_of_digits_stays_a_text(tmp_path, server):
    root = tmp_path / "hub"
    texts = write_repository(root, "datasets", "owner/texts", {"a.jsonl": '{"text": "x"}\n'})
    digits = "1234567890" * 4
    write_repository(root, "datasets", "owner/digits", {"a": "b"}, commit=digits)
    model = write_repository(root, "models", "owner/model", {"config.json": "{}"})
    value = tiny_value()
    del value["datasets"]
    value["backbones"]["tiny"]["checkpoint"] = {"name": "owner/model"}
    file = tmp_path / "layouts.yaml"
    micro = "  train: {kind: triplets, source: micro, rows: 60}\n"
    micro += "  test: {kind: pairs, source: micro, rows: 40}\n"
    file.write_text(LAYOUTS + micro + yaml.safe_dump(value))
    before = file.read_text()
    client = Client.of(server, tmp_path)
    pin(client, file)
    changes = difflib.unified_diff(before.splitlines(), file.read_text().splitlines(), n=0)
    assert [line for line in changes if not line.startswith(("+++", "---", "@"))] == [
        f"+    revision: {texts}",
        "-  flow: {kind: text, source: hub, name: owner/texts, rows: 3}  # kept",
        "-  digits: {kind: text, source: hub, name: owner/digits}",
        "+  flow: {kind: text, source: hub, name: owner/texts, "
        f"revision: {texts}, rows: 3}}  # kept",
        f'+  digits: {{kind: text, source: hub, name: owner/digits, revision: "{digits}"}}',
        f"+      revision: {model}",
    ]
    assert load_config(file).datasets["digits"].revision == digits


def test_what_was_fetched_is_pinned_to_its_commit_and_is_not_to_be_fetched_again(
    tmp_path, server, tiny_checkpoint
):
    root = tmp_path / "hub"
    old = write_repository(root, "datasets", "owner/texts", {"a.jsonl": '{"text": "old"}\n'})
    weights = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()}
    model = write_repository(root, "models", "owner/model", weights)
    texts = {"kind": "text", "source": "hub", "name": "owner/texts", "revision": "main"}
    client = Client.of(
        server,
        tmp_path,
        datasets={"fetched": texts, "later": dict(texts)},
        backbones={"tiny": {"checkpoint": {"name": "owner/model"}}},
    )
    done = client.data(["--dataset", "fetched"], ["--checkpoint", "tiny"])
    assert done.returncode == 0, done.stderr
    new = write_repository(root, "datasets", "owner/texts", {"a.jsonl": '{"text": "new"}\n'})
    write_repository(root, "models", "owner/model", {**weights, "more.txt": b"x"})
    config = load_config(client.config_file)
    paths = RunPaths.of(config, tmp_path / "results")
    before = [dataset_slice(config, paths, "fetched"), checkpoint_slice(config, paths, "tiny")]
    pin(client, client.config_file)
    config = load_config(client.config_file)
    assert config.datasets["fetched"].revision == old
    assert config.datasets["later"].revision == new
    assert config.backbones["tiny"].checkpoint.revision == model
    after = [dataset_slice(config, paths, "fetched"), checkpoint_slice(config, paths, "tiny")]
    assert after == before, "the workflow would fetch them again"
    moved = tmp_path / "moved.yaml"
    moved.write_text(client.config_file.read_text().replace(old, new))
    assert dataset_slice(load_config(moved), paths, "fetched")["revision"] == new


def test_a_hub_that_cannot_be_asked_is_one_line_and_changes_nothing(tmp_path, server):
    client = Client.of(server, tmp_path)
    before = client.config_file.read_bytes()
    done = client.data(["--pin"])
    assert done.returncode == 2
    assert "cannot load hub model 'nowhere/tiny', revision 'main'" in done.stderr
    assert client.config_file.read_bytes() == before


def test_an_anchor_that_two_commits_would_be_written_into_is_refused(tmp_path, server):
    root = tmp_path / "hub"
    texts = {"kind": "text", "source": "hub", "name": "owner/texts", "revision": "main"}
    write_repository(root, "datasets", "owner/texts", {"a.jsonl": '{"text": "old"}\n'})
    client = Client.of(server, tmp_path, datasets={"fetched": texts, "later": texts})
    assert client.fetch("fetched").returncode == 0
    write_repository(root, "datasets", "owner/texts", {"a.jsonl": '{"text": "new"}\n'})
    write_repository(root, "models", "nowhere/tiny", {"config.json": "{}"})
    done = client.data(["--pin"])
    assert done.returncode == 2
    assert "datasets.later.revision: another commit belongs in the same text" in done.stderr
