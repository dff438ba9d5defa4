"""The stand-ins hold what made earlier configs stop: seen by the real libraries, without a run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.server import client_environment, serve
from tests.rehearsal.contents import ACCENTS, MISSING, ir_collections, msmarco
from tests.rehearsal.local_collections import write_collections
from tests.rehearsal.repositories import MSMARCO_PARQUET, MSMARCO_SCRIPT, write_datasets

SITE = Path(__file__).with_name("site")
REPOSITORY = "Tevatron/msmarco-passage"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What a process needs to read from the stand-ins."""
    folder = tmp_path_factory.mktemp("stand-ins")
    write_datasets(folder / "hub")
    write_collections(folder / "collections")
    server = serve(folder / "hub")
    path = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    yield {
        **client_environment(server, folder / "hf-home"),
        "PYTHONPATH": os.pathsep.join(path),
        "STARBENCH_REHEARSAL_COLLECTIONS": str(folder / "collections"),
        "IR_DATASETS_HOME": str(folder / "ir-home"),
    }
    server.shutdown()


def python(code: str, environment: dict[str, str]):
    """Run code in a process of its own, and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_script_repository_is_refused_and_its_files_are_read(environment):
    code = f"""
import json
from datasets import load_dataset
try:
    load_dataset({REPOSITORY!r}, split="train", revision={MSMARCO_SCRIPT!r})
    said = ""
except RuntimeError as error:
    said = str(error)
files = "hf://datasets/{REPOSITORY}@{MSMARCO_SCRIPT}/train.jsonl.gz"
rows = load_dataset("json", data_files=files, split="train")
print(json.dumps([said, rows.column_names]))
"""
    said, columns = python(code, environment)
    assert said.startswith("Dataset scripts are no longer supported")
    assert columns == ["query_id", "query", "positive_passages", "negative_passages"]


def test_the_conversion_to_parquet_lacks_the_splits_of_trec(environment):
    code = f"""
import json
from datasets import load_dataset
print(json.dumps(list(load_dataset({REPOSITORY!r}, revision={MSMARCO_PARQUET!r}))))
"""
    assert python(code, environment) == ["train", "validation"]


def test_ir_datasets_finds_its_own_ids_here_with_its_own_fields(environment):
    code = """
import json
import ir_datasets
found = {}
for name in %r:
    dataset = ir_datasets.load(name)
    docs, queries, qrels = (
        list(getattr(dataset, f"{kind}_iter")()) for kind in ("docs", "queries", "qrels")
    )
    found[name] = [docs[0]._fields, queries[0]._fields, qrels[0]._fields, len(docs)]
print(json.dumps(found))
"""
    made = ir_collections()
    here = python(code % (list(made),), environment)
    # Without the stand-in the library's own classes, from its own descriptions of the datasets.
    code = """
import json
import ir_datasets
found = {}
for name in %r:
    dataset = ir_datasets.load(name)
    found[name] = [getattr(dataset, f"{k}_cls")()._fields for k in ("docs", "queries", "qrels")]
print(json.dumps(found))
"""
    plain = {k: v for k, v in environment.items() if k != "STARBENCH_REHEARSAL_COLLECTIONS"}
    official = python(code % (list(made),), plain)
    for name, collection in made.items():
        assert here[name][:3] == official[name]
        assert here[name][3] == len(collection.passages)


def test_titles_are_in_the_hubs_passages_of_ms_marco_only():
    assert all(passage["title"] for passage in msmarco().passages)
    untitled = ir_collections()["msmarco-passage/dev/small"].passages
    assert not any(passage["title"] for passage in untitled)
    assert [p["_id"] for p in untitled] == [p["_id"] for p in msmarco().passages]


def test_the_collections_hold_what_is_odd_in_the_real_ones():
    made = ir_collections()
    arguana = made["beir/arguana"]
    ids = {passage["_id"] for passage in arguana.passages}
    judged = {passage for _, passage, _ in arguana.qrels}
    assert judged - ids == set(MISSING)
    assert {query["_id"] for query in arguana.queries} <= ids
    covid = made["beir/trec-covid"]
    texts = {p["_id"]: f"{p['title']}{p['text']}".strip() for p in covid.passages}
    blank = {name for name, text in texts.items() if not text}
    assert len(blank) == 1
    assert not blank & {passage for _, passage, _ in covid.qrels}
    judged_without_text = [p for p in covid.passages if p["title"] and not p["text"].strip()]
    assert len(judged_without_text) == 1
    assert any(ACCENTS in passage["text"] for passage in made["beir/fever/test"].passages)
    assert not any(p["_id"].isascii() for p in made["beir/fever/test"].passages)


def test_every_collection_of_the_papers_config_has_a_stand_in():
    from starbench.config.reading import load_config

    paper = load_config(Path(__file__).parents[2] / "config" / "paper.yaml")
    named = {d.name for d in paper.datasets.values() if d.source == "ir_datasets"}
    assert named <= set(ir_collections())
