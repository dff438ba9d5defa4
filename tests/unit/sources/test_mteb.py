"""The source `mteb`: official tasks from the hub, and one line for what is out of reach."""

import json

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.store.records import TEXTS
from starbench.store.tasks import StoredTask
from tests.hub.client import Client
from tests.hub.server import serve, write_repository
from tests.unit.runs import tiny_value

COMMIT = "a0d554a64d88156834ff5ae9920b964011b16384"
"""The one that MTEB names for STS12."""


def task(**keys):
    return {"kind": "task", "source": "mteb", **keys}


def test_a_task_comes_from_the_hub_at_mtebs_own_commit(tmp_path):
    rows = [{"sentence1": f"a {n}", "sentence2": f"b {n}", "score": n / 2} for n in range(6)]
    other = [row | {"score": 1.0} for row in rows]
    for made, commit, branch in ((rows, COMMIT, None), (other, "b" * 40, "main")):
        lines = "".join(json.dumps(row) + "\n" for row in made)
        files = {"test.jsonl": lines}
        write_repository(tmp_path / "hub", "datasets", "mteb/sts12-sts", files, branch, commit)
    server = serve(tmp_path / "hub")
    try:
        client = Client.of(server, tmp_path, datasets={"sts12": task(name="STS12")})
        done = client.fetch("sts12")
    finally:
        server.shutdown()
    assert done.returncode == 0, done.stderr
    stored = StoredTask(client.paths.dataset("sts12"))
    assert stored.facts.name == stored.facts.code == "STS12"
    assert stored.facts.revision == COMMIT
    assert list(stored.data()["default"]["test"]["score"]) == [row["score"] for row in rows]
    assert {row["text"] for row in client.rows("sts12", TEXTS)} == {
        row[side] for row in rows for side in ("sentence1", "sentence2")
    }
    again = stored.task(stored.data())
    assert again.metadata.revision == COMMIT and again.data_loaded


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"name": "SciFact"},
            r"cannot load MTEB's task SciFact, hub dataset 'mteb/scifact' \(HF_HUB_OFFLINE is",
        ),
        ({"name": "Scifact"}, r"MTEB has no task 'Scifact' \(did you mean 'SciFact'\?\)"),
        ({"name": "STS22", "subsets": ["eng"]}, r"MTEB's task STS22 has no subset 'eng'"),
        ({"name": "STS12", "splits": ["dev"]}, r"MTEB's task STS12 has no split 'dev'"),
        ({"name": "CQADupstackRetrieval"}, r"is the mean of others: name these, CQADupstackAnd"),
        ({"name": "CIFAR10Clustering"}, r"is on image: only tasks on text alone can be scored"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_what_cannot_be_had_is_told_in_a_line_and_nothing_is_left(tmp_path, keys, line):
    config = parse_config(tiny_value(datasets={"mine": task(**keys)}))
    paths = RunPaths.of(config, tmp_path)
    with pytest.raises(InputError, match=line) as told:
        fetch_dataset(config, paths, "mine")
    assert "\n" not in str(told.value)
    assert not paths.dataset("mine").exists()
