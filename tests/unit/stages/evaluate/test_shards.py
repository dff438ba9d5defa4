"""Shards of a collection: which rows they hold, and that those of a grown one are kept."""

import json

import numpy as np
import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.run.texts import TextSet
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_shard, embed_texts
from starbench.stages.evaluate.run import score_model
from starbench.stages.evaluate.shards import search_shard
from starbench.stages.finetune.run import finetune_model
from tests.unit.runs import tiny_value

MODEL = ("retrieval", "tiny-floor", 1)
WORDS = "the a man woman dog cat child bird boat red blue small old sees eats finds".split()


@pytest.mark.parametrize(("total", "shards"), [(30, 3), (25, 3), (21, 3), (10, 1)])
def test_shards_of_so_many_rows_hold_each_passage_once(total, shards):
    parts = [TextSet("d", "passages", n, shards, 10).rows(total) for n in range(1, shards + 1)]
    assert [row for part in parts for row in part] == list(range(total))
    assert all(len(part) == 10 for part in parts[:-1])


@pytest.mark.parametrize(("shards", "needed"), [(2, 3), (4, 3)])
def test_too_few_or_too_many_shards_for_their_rows_are_refused(shards, needed):
    with pytest.raises(InputError, match=f"25 passages, 3 shards of 10: set shards to {needed}"):
        TextSet("d", "passages", 1, shards, 10).rows(25)


def write_collection(root, passages):
    """Write a BEIR folder whose passages stay as they are when there are more of them."""
    folder = root / "growing"
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    texts = [" ".join(np.random.default_rng(row).choice(WORDS, 6)) for row in range(passages)]
    lines = [json.dumps({"_id": f"p{row}", "title": "", "text": t}) for row, t in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    queries = [{"_id": f"q{row}", "text": texts[row]} for row in range(3)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
    judged = "".join(f"q{row}\tp{row}\t1\n" for row in range(3))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)


def config_of(root, checkpoint, shards):
    value = tiny_value(
        data_root=str(root),
        datasets={
            "train": {"kind": "training-queries", "source": "micro", "rows": 30},
            "growing": {
                "kind": "collection", "source": "folder", "name": "growing",
                "shards": shards, "shard_rows": 10,
            },
        },
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
        systems={"tiny-floor": {"backbone": "tiny", "objective": "untouched"}},
    )  # fmt: skip
    training = value["tracks"].pop("sts")["finetuning"]
    value["tracks"]["retrieval"] = {"tasks": ["growing"], "finetuning": training}
    return parse_config(value)


def with_model(config, results):
    """Return the paths of a run whose model is there."""
    paths = RunPaths.of(config, results)
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, *MODEL)
    return paths


def everything(config, paths):
    """Run all stages that a grown collection goes through."""
    fetch_dataset(config, paths, "growing")
    embed_texts(config, paths, *MODEL)
    for shard in range(1, config.datasets["growing"].shards + 1):
        embed_shard(config, paths, *MODEL, "growing", shard)
        search_shard(config, paths, MODEL[0], MODEL[1], MODEL[2], "growing", shard)
    score_model(config, paths, *MODEL)


def test_a_grown_collection_embeds_and_searches_its_new_passages_alone(tmp_path, tiny_checkpoint):
    config = config_of(tmp_path, tiny_checkpoint, shards=3)
    paths = with_model(config, tmp_path / "results")
    write_collection(tmp_path, passages=25)
    everything(config, paths)
    roots = [paths.embeddings(*MODEL), paths.searches(*MODEL)]
    kept = [path for root in roots for path in root.rglob("growing/passages-[12]/**/*.npy")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert len(before) == 2 * (3 + 3), "three layers, and three arrays of a search"

    write_collection(tmp_path, passages=38)
    grown = config_of(tmp_path, tiny_checkpoint, shards=4)
    everything(grown, paths)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    scores = (paths.scores(*MODEL) / "growing/scores.csv").read_bytes()

    anew = with_model(grown, tmp_path / "anew")
    everything(grown, anew)
    assert (anew.scores(*MODEL) / "growing/scores.csv").read_bytes() == scores


def test_a_collection_that_outgrows_its_one_shard_keeps_what_is_embedded(tmp_path, tiny_checkpoint):
    config = config_of(tmp_path, tiny_checkpoint, shards=1)
    paths = with_model(config, tmp_path / "results")
    write_collection(tmp_path, passages=10)
    fetch_dataset(config, paths, "growing")
    embed_texts(config, paths, *MODEL)
    score_model(config, paths, *MODEL)
    kept = [*paths.embeddings(*MODEL).glob("growing/passages-1/*.npy")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert len(before) == 3, "three layers"

    write_collection(tmp_path, passages=15)
    everything(config_of(tmp_path, tiny_checkpoint, shards=2), paths)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
