"""The retrieval track from records to scores, against plain computations on the saved model."""

import csv
import gzip
import json

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sentence_transformers import SentenceTransformer

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.machine.files import sha256_of
from starbench.run.paths import RunPaths
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed import run as embedding_run
from starbench.stages.embed.run import embed_shard, embed_texts
from starbench.stages.evaluate import shards
from starbench.stages.evaluate.bm25 import score_bm25
from starbench.stages.evaluate.collect import collect_run
from starbench.stages.evaluate.differences import compare_systems
from starbench.stages.evaluate.run import score_model
from starbench.stages.evaluate.shards import search_shard
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.run import summary, write_report
from starbench.store.manifest import read_manifest
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records
from tests.unit.runs import tiny_value

DATASETS = {
    "train": {"kind": "training-queries", "source": "micro", "rows": 30},
    "near": {"kind": "collection", "source": "micro", "rows": 80, "queries": 8, "metric": "RR@10"},
    "far": {
        "kind": "collection",
        "source": "micro",
        "rows": 90,
        "queries": 9,
        "seed": 5,
        "shards": 3,
        "display": "Far away",
    },
    "other": {"kind": "collection", "source": "micro", "rows": 40, "queries": 4, "seed": 6},
}
FINETUNING = {
    "dataset": "train",
    "batch_size": 4,
    "steps": 6,
    "learning_rate": 1.0e-3,
    "pooling": "cls",
    "similarity": "dot",
    "temperature": 1.0,
    "negatives": 2,
    "query_max_length": 12,
    "max_length": 24,
    "checkpoint_every": 2,
    "log_every": 2,
}
OBJECTIVES = [
    {"objective": "separate", "train_dim": "own"},
    {
        "objective": "2dmse",
        "sampled_layers": "trained",
        "dims_per_step": -1,
        "kl_sizes": "size",
        "kl_over": "scores",
        "kl_detach": True,
    },
    {"objective": "srl", "kl_over": "scores", "kl_weight": 1.0, "kl_detach": True},
]


def config_of(checkpoint, similarity="dot", **search):
    value = tiny_value(
        datasets=DATASETS,
        backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
        systems={
            f"tiny-{name}": {"backbone": "tiny", "objective": name}
            for name in ("untouched", "separate", "mrl", "2dmse", "srl")
        },
        tracks={
            "retrieval": {
                "tasks": ["near"],
                "out_of_domain": ["far", "other"],
                "finetuning": FINETUNING | {"similarity": similarity},
                "objectives": OBJECTIVES,
                "search": {"depth": 100, **search},
            }
        },
    )
    return parse_config(value)


def prepared(tmp_path, checkpoint, similarity="dot", **search):
    config = config_of(checkpoint, similarity, **search)
    paths = RunPaths.of(config, tmp_path / "results")
    for name in DATASETS:
        fetch_dataset(config, paths, name)
    fetch_checkpoint(config, paths, "tiny")
    return config, paths


def embedded(config, paths, name):
    model = ("retrieval", name, 1)
    finetune_model(config, paths, *model)
    embed_texts(config, paths, *model)
    for shard in (1, 2, 3):
        embed_shard(config, paths, *model, "far", shard)
        search_shard(config, paths, "retrieval", name, 1, "far", shard)
    return model


@pytest.mark.parametrize("name", ["tiny-srl", "tiny-2dmse", "tiny-mrl", "tiny-separate-n2-d8"])
def test_every_objective_trains_on_queries_with_hard_negatives(tmp_path, tiny_checkpoint, name):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    finetune_model(config, paths, "retrieval", name, 1)
    folder = paths.model("retrieval", name, 1)
    manifest = read_manifest(folder, "finetune")
    assert manifest["negatives_per_query"] == 4 * 3 - 1
    weights = sha256_of(folder / "model" / "model.safetensors")
    losses = [json.loads(line).get("loss") for line in (folder / "train_log.jsonl").open()]
    assert sum(loss is not None for loss in losses) == 3
    again = RunPaths.of(config, tmp_path / "again")
    for kind in ("data", "checkpoints"):
        (again.root).mkdir(parents=True, exist_ok=True)
        (again.root / kind).symlink_to(paths.root / kind)
    finetune_model(config, again, "retrieval", name, 1)
    same = again.model("retrieval", name, 1) / "model" / "model.safetensors"
    assert sha256_of(same) == weights


def ranked_by(matrix, queries, passages, qrels, nudge):
    """A run of the scores to five places, relevant passages moved a little up or down."""
    run = {}
    for query, scored in zip(queries["id"], matrix.round(5), strict=True):
        relevant = [nudge * (qrels.get(query, {}).get(name, 0) > 0) for name in passages["id"]]
        moved = scored + np.array(relevant)
        order = np.argsort(-moved, kind="stable")[:100]
        run[query] = {passages["id"][row]: float(moved[row]) for row in order}
    return run


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("dataset", ["near", "far"])
def test_scores_and_runs_equal_a_brute_force_with_the_saved_model(
    tmp_path, tiny_checkpoint, similarity, dataset
):
    config, paths = prepared(tmp_path, tiny_checkpoint, similarity, runs="all")
    model = embedded(config, paths, "tiny-untouched")
    score_model(config, paths, *model)
    folder = paths.scores(*model) / dataset
    scores = pd.read_csv(folder / "scores.csv")
    saved = SentenceTransformer(str(paths.model(*model) / "model"), device="cpu")
    assert saved.similarity_fn_name == similarity
    layers = saved[0].auto_model.encoder.layer
    passages = read_records(paths.dataset(dataset), PASSAGES)
    queries = read_records(paths.dataset(dataset), QUERIES)
    qrels = {}
    for row in read_records(paths.dataset(dataset), QRELS):
        qrels.setdefault(row["query"], {})[row["passage"]] = row["relevance"]
    for size in ("n2-d8", "n4-d16"):
        depth, dim = int(size[1]), int(size.split("d")[1])
        saved[0].auto_model.encoder.layer = layers[:depth]
        saved.max_seq_length = 24
        told = saved.encode(list(passages["text"]))[:, :dim].astype(np.float64)
        saved.max_seq_length = 12
        asked = saved.encode(list(queries["text"]))[:, :dim].astype(np.float64)
        if similarity == "cosine":
            told /= np.linalg.norm(told, axis=1, keepdims=True)
            asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        matrix = asked @ told.T
        # Short passages of unknown words may be equal to the tokenizer: which of them comes first
        # is not the brute force's to say, so it is asked for the worst and the best order.
        bounds = [ranked_by(matrix, queries, passages, qrels, nudge) for nudge in (-1e-6, 1e-6)]
        for metric in ("RR@10", "nDCG@10", "R@100"):
            measure = [ir_measures.parse_measure(metric)]
            worst, best = (
                next(iter(ir_measures.calc_aggregate(measure, qrels, run).values()))
                for run in bounds
            )
            found = scores[(scores["size"] == size) & (scores["metric"] == metric)]
            assert worst - 1e-6 <= found["value"].item() <= best + 1e-6
            assert best - worst < 0.35
            assert found["queries"].item() == len(queries)
        with gzip.open(folder / "runs" / f"{size}.trec.gz", "rt") as file:
            written = [line.split() for line in file]
        assert len(written) == min(100, len(passages)) * len(queries)
        place = {name: row for row, name in enumerate(passages["id"])}
        first = {line[0]: line[2] for line in written if line[3] == "1"}
        for query, scored in zip(queries["id"], matrix, strict=True):
            assert scored[place[first[query]]] == pytest.approx(scored.max(), abs=1e-5)


def test_the_values_of_single_queries_average_to_the_score(tmp_path, tiny_checkpoint):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    model = embedded(config, paths, "tiny-srl")
    score_model(config, paths, *model)
    folder = paths.scores(*model) / "far"
    scores = pd.read_csv(folder / "scores.csv").set_index(["size", "metric"])["value"]
    single = pd.read_csv(folder / "queries.csv.gz")
    for (layers, dim), rows in single.groupby(["layers", "dim"]):
        for metric in ("RR@10", "nDCG@10", "R@100"):
            assert rows[metric].mean() == pytest.approx(scores[f"n{layers}-d{dim}", metric])
    assert len(single) == 9 * 9
    runs = sorted(path.name for path in (folder / "runs").iterdir())
    assert runs == ["n1-d4.trec.gz", "n2-d8.trec.gz", "n4-d16.trec.gz"]


def test_adaptive_retrieval_is_scored_and_what_it_costs_is_told(tmp_path, tiny_checkpoint):
    adaptive = {"shortlist": 90, "funnel": [20, 5]}
    config, paths = prepared(tmp_path, tiny_checkpoint, adaptive=adaptive)
    model = embedded(config, paths, "tiny-srl")
    score_model(config, paths, *model)
    with (paths.scores(*model) / "far" / "adaptive.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["cascade"] for row in rows} == {"n1-d4 -> n4-d16", "n2-d8 -> n4-d16", "funnel"}
    for row in rows:
        # A shortlist of the whole depth leaves out nothing that could be ranked.
        if row["cascade"] != "funnel" and row["metric"] == "R@100":
            assert float(row["value"]) <= 1
        assert int(row["exact_multiply_adds"]) == 90 * 16
    (funnel,) = [r for r in rows if r["cascade"] == "funnel" and r["metric"] == "nDCG@10"]
    assert int(funnel["multiply_adds"]) == 90 * 4 + 20 * 8 + 5 * 16
    assert int(funnel["bytes_read"]) == 4 * (90 * 4 + 20 * 8 + 5 * 16)


def test_a_finished_shard_is_not_done_again_and_a_missing_one_is_named(
    tmp_path, tiny_checkpoint, monkeypatch
):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    model = embedded(config, paths, "tiny-untouched")
    with monkeypatch.context() as patched:
        patched.setattr(embedding_run, "_load", None)
        patched.setattr(shards, "_search", None)
        embed_shard(config, paths, *model, "far", 2)
        embed_texts(config, paths, *model)
        search_shard(config, paths, "retrieval", "tiny-untouched", 1, "far", 2)
    shard = paths.embeddings(*model) / "far" / "passages-2"
    (shard / "manifest.json").rename(shard / "elsewhere.json")
    with pytest.raises(InputError, match="passages-2 is not finished"):
        score_model(config, paths, *model)
    (shard / "elsewhere.json").rename(shard / "manifest.json")
    search = paths.searches(*model) / "far/passages-3/far/manifest.json"
    search.rename(search.with_name("elsewhere.json"))
    with pytest.raises(InputError, match="passages-3/far is not finished"):
        score_model(config, paths, *model)
    with pytest.raises(InputError, match="'far' has 3 shards, there is no shard 4"):
        embed_shard(config, paths, *model, "far", 4)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_shards_give_the_scores_of_a_collection_in_one_piece(tmp_path, tiny_checkpoint, similarity):
    prepared(tmp_path, tiny_checkpoint, similarity)
    value = config_of(tiny_checkpoint, similarity).model_dump(mode="json", exclude_unset=True)
    # Each text by itself: what else is in its batch moves the last bits of an embedding.
    value["tracks"]["retrieval"]["embedding"] = {"tokens_per_batch": 16}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path / "results")
    model = embedded(config, paths, "tiny-untouched")
    score_model(config, paths, *model)
    found = paths.scores(*model) / "far"
    names = ["scores.csv", "queries.csv.gz", "runs/n2-d8.trec.gz"]
    in_shards = [(found / name).read_bytes() for name in names]
    del value["datasets"]["far"]["shards"]
    config = parse_config(value)
    embed_texts(config, paths, *model)
    score_model(config, paths, *model)
    assert [(found / name).read_bytes() for name in names] == in_shards


def test_a_search_with_another_config_is_refused(tmp_path, tiny_checkpoint):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    model = embedded(config, paths, "tiny-untouched")
    deeper = config_of(tiny_checkpoint, depth=50)
    with pytest.raises(InputError, match="far/passages-1/far holds a search of other embeddings"):
        score_model(deeper, paths, *model)


def test_embeddings_of_another_model_are_refused(tmp_path, tiny_checkpoint):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    embedded(config, paths, "tiny-untouched")
    embedded(config, paths, "tiny-srl")
    mine, theirs = (
        paths.embeddings("retrieval", name, 1) / "near" for name in ("tiny-srl", "tiny-untouched")
    )
    mine.rename(mine.with_name("gone"))
    mine.symlink_to(theirs.resolve())
    with pytest.raises(InputError, match="near/queries holds embeddings of another model"):
        score_model(config, paths, "retrieval", "tiny-srl", 1)


def test_windows_give_the_embeddings_of_the_whole(tmp_path, tiny_checkpoint, monkeypatch):
    config, paths = prepared(tmp_path, tiny_checkpoint)
    model = embedded(config, paths, "tiny-untouched")
    path = paths.embeddings(*model) / "near" / "passages-1"
    whole = np.load(path / "layer-4.npy")
    ids = (path / "ids.txt").read_text().split()
    assert ids == read_records(paths.dataset("near"), PASSAGES)["id"][:]
    (path / "manifest.json").unlink()
    monkeypatch.setattr(embedding_run, "WINDOW", 7)
    embed_texts(config, paths, *model)
    np.testing.assert_allclose(np.load(path / "layer-4.npy"), whole, atol=1e-5)
    assert (path / "ids.txt").read_text().split() == ids


def test_the_diagonal_stores_only_the_columns_of_its_sizes(tmp_path, tiny_checkpoint):
    value = config_of(tiny_checkpoint).model_dump(mode="json", exclude_unset=True)
    value["tracks"]["retrieval"]["grid"] = "diagonal"
    config = parse_config(value)
    _, paths = prepared(tmp_path, tiny_checkpoint)
    model = embedded(config, paths, "tiny-untouched")
    folder = paths.embeddings(*model) / "near" / "passages-1"
    shapes = {path.name: np.load(path).shape[1] for path in folder.glob("*.npy")}
    assert shapes == {"layer-1.npy": 4, "layer-2.npy": 8, "layer-4.npy": 16}
    score_model(config, paths, *model)
    scores = pd.read_csv(paths.scores(*model) / "near" / "scores.csv")
    assert set(scores["size"]) == {"n1-d4", "n2-d8", "n4-d16"}


def by_query(folder, row):
    """The values of the queries behind one comparison."""
    table = pd.read_csv(folder / "queries.csv.gz", dtype={"query": str})
    cell = table[(table["layers"] == row["layers"]) & (table["dim"] == row["dim"])]
    return cell.set_index("query")[row["metric"]].sort_index()


def test_bm25_is_the_floor_and_everything_ends_in_tables_and_figures(tmp_path, tiny_checkpoint):
    value = config_of(tiny_checkpoint).model_dump(mode="json", exclude_unset=True)
    value["systems"] = {name: value["systems"][name] for name in ("tiny-untouched", "tiny-srl")}
    config = parse_config(value)
    _, paths = prepared(tmp_path, tiny_checkpoint)
    for name in config.systems:
        score_model(config, paths, *embedded(config, paths, name))
    score_bm25(config, paths, "retrieval")
    collect_run(config, paths)
    compare_systems(config, paths)
    tests = pd.read_csv(paths.significance)
    assert set(tests["test"]) == {"t-test", "randomisation"}
    row = tests[(tests["test"] == "t-test") & (tests["system"] == "tiny-untouched")].iloc[0]
    assert row["against"] == "tiny-srl"
    ours, theirs = (
        by_query(paths.scores("retrieval", name, 1) / row["dataset"], row)
        for name in row[["system", "against"]]
    )
    assert row["difference"] == pytest.approx((ours - theirs).mean())
    assert row["p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    write_report(config, paths)
    out = (paths.root / "tables" / "out_of_domain.md").read_text()
    assert out.splitlines()[0] == "| n/d | System | Far away | other | Average |"
    assert out.splitlines()[2].startswith("|  | BM25 | ")
    frame = pd.read_csv(paths.root / "tables" / "out_of_domain.csv")
    floor = frame[frame["system"] == "BM25"].iloc[0]
    assert np.isnan(floor["layers"])
    assert 0 < floor["Average"] < 1
    assert floor["Average"] == pytest.approx((floor["Far away"] + floor["other"]) / 2)
    adaptive = (paths.root / "tables" / "adaptive.md").read_text()
    assert adaptive.count("| tiny-srl | funnel |") == 2
    text = summary(config, paths)
    assert "retrieval, in domain: RR@10 of near" in text
    assert "BM25" in text
    assert (paths.root / "figures" / "out_of_domain_heatmap_tiny-srl.png").stat().st_size > 5000
