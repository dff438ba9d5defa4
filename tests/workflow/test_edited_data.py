"""Files of one's own that are edited rerun their fetch and what follows; touched ones nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.tiny import BIN, ENVIRONMENT, TINY, planned, snakemake

CLI = [sys.executable, "-c", "from starbench.cli import entry; entry()"]


def small_run(folder: Path) -> dict:
    """Return the tiny run with two sets of queries on one collection of files, and no training."""
    value = yaml.safe_load(TINY.read_text())
    value["data_root"] = str(folder / "raw")
    value["datasets"]["library"] = {"kind": "collection", "source": "folder", "name": "library"}
    value["datasets"]["archive"] = {
        "kind": "collection", "source": "folder", "name": "library", "split": "dev",
        "corpus": "library",
    }  # fmt: skip
    value["tracks"].pop("sts")
    value["systems"] = {"base": value["systems"]["base"]}
    value["backbones"] = {"base": value["backbones"]["base"]}
    value["tracks"]["retrieval"] |= {"search": {"bm25": None}}
    value["report"] = {"resamples": 100}
    return value


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a finished run on a collection of files."""
    folder = tmp_path_factory.mktemp("edited")
    library = folder / "raw" / "library"
    (library / "qrels").mkdir(parents=True)
    words = "red blue small old boat house river park".split()
    passages = [
        {"_id": f"p{n}", "text": f"{words[n % 8]} {words[n // 8 % 8]} number {n}"}
        for n in range(24)
    ]
    (library / "corpus.jsonl").write_text("".join(json.dumps(p) + "\n" for p in passages))
    (library / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": f"q{n}", "text": words[n]}) + "\n" for n in range(6))
    )
    for split, numbers in (("test", range(3)), ("dev", range(3, 6))):
        lines = [f"q{n}\tp{n}\t1\n" for n in numbers]
        (library / "qrels" / f"{split}.tsv").write_text("".join(lines))
    (folder / "run.yaml").write_text(yaml.safe_dump(small_run(folder), sort_keys=False))
    snakemake(folder)
    return folder


AFTER_EVERY_FETCH = {"find_leakage": 1, "collect_scores": 1, "compare_systems": 1, "draw_report": 1}


def doctor(folder: Path) -> str:
    done = subprocess.run(
        [*CLI, "doctor", "--config", "run.yaml"],
        cwd=folder,
        env=ENVIRONMENT | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_half_a_corpus_deleted_reruns_its_fetch_and_what_follows_and_ends_there(finished):
    assert planned(finished) == {}, "the stamp before the first fetch is the one after it"
    corpus = finished / "raw/library/corpus.jsonl"
    whole = corpus.read_text()
    os.utime(corpus, ns=(1, 1))
    assert planned(finished) == {}, "touched"
    assert "changed" not in doctor(finished)

    corpus.write_text("".join(whole.splitlines(keepends=True)[:12]))
    assert "dataset library: its files have changed since it was fetched" in doctor(finished)
    # The archive's queries are judged against the library's passages.
    assert planned(finished) == {
        "fetch_dataset": 2, "embed_texts": 1, "score_model": 1, **AFTER_EVERY_FETCH
    }  # fmt: skip
    before = (finished / "results/tiny/scores.csv").read_bytes()
    snakemake(finished)
    manifest = json.loads((finished / "results/tiny/data/library/manifest.json").read_text())
    assert manifest["records"]["passages.arrow"] == 12
    assert (finished / "results/tiny/scores.csv").read_bytes() != before
    assert planned(finished) == {}, "fetched again with what it is made from: nothing is left to do"
    assert "changed" not in doctor(finished)

    corpus.write_text(whole)
    assert planned(finished)["fetch_dataset"] == 2, "put back is another edit"
    corpus.write_text("".join(whole.splitlines(keepends=True)[:12]))
    assert planned(finished) == {}


def test_edited_judgements_rerun_only_the_set_they_belong_to(finished):
    qrels = finished / "raw/library/qrels/dev.tsv"
    whole = qrels.read_text()
    qrels.write_text(whole.replace("p3", "p4"))
    try:
        jobs = planned(finished)
    finally:
        qrels.write_text(whole)
    assert jobs == {"fetch_dataset": 1, "embed_texts": 1, "score_model": 1, **AFTER_EVERY_FETCH}
    assert planned(finished) == {}, "written again with the same contents"


def test_a_run_whose_data_are_out_of_reach_is_still_finished(finished):
    (finished / "raw").rename(finished / "away")
    try:
        assert planned(finished) == {}
    finally:
        (finished / "away").rename(finished / "raw")
