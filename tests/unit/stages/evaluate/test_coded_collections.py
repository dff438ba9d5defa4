"""Fewer bits from stored embeddings to tables, against plain computations on the embeddings."""

import csv
import gzip
import shutil
from pathlib import Path

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_shard, embed_texts
from starbench.stages.evaluate import coded_collections, retrieval
from starbench.stages.evaluate.collect import collect_run
from starbench.stages.evaluate.differences import compare_systems
from starbench.stages.evaluate.run import score_asymmetric, score_bits, score_model
from starbench.stages.evaluate.shards import search_shard
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.run import write_report
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records
from tests.unit.runs import tiny_value

FUNNEL = [
    {"dim": 8, "bits": "binary", "keep": 40},
    {"dim": 16, "bits": "int8", "keep": 15},
    {"dim": 16, "bits": "float32"},
]
DATASETS = {
    "near": {"kind": "collection", "source": "micro", "rows": 80, "queries": 8, "metric": "RR@10"},
    "far": {
        "kind": "collection",
        "source": "micro",
        "rows": 90,
        "queries": 9,
        "seed": 5,
        "shards": 2,
    },
}
NAMES = ["float16", "int8", "binary", "int8+float32", "binary+float32"]
RETRIEVAL, STS = ("retrieval", "tiny", 1), ("sts", "tiny", 1)


def config_of(checkpoint, bits, pairs_bits):
    use = {"similarity": "cosine", "pooling": "mean"}
    return parse_config(
        tiny_value(
            datasets=DATASETS,
            backbones={"tiny": {"checkpoint": {"name": str(checkpoint)}}},
            systems={
                "tiny": {
                    "backbone": "tiny",
                    "objective": "untouched",
                    "overrides": {"retrieval": {"finetuning": use}},
                }
            },
            tracks={
                "sts": {"tasks": ["test"], "bits": pairs_bits},
                "retrieval": {
                    "tasks": ["near"],
                    "out_of_domain": ["far"],
                    "bits": bits,
                    "asymmetric": bits is not None,
                },
            },
            report={"resamples": 100},
        )
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_checkpoint):
    """Return a scored run without bits, to which bits were added: (config, paths, before)."""
    plain = config_of(tiny_checkpoint, None, None)
    paths = RunPaths.of(plain, tmp_path_factory.mktemp("coded") / "results")
    for name in plain.datasets:
        fetch_dataset(plain, paths, name)
    fetch_checkpoint(plain, paths, "tiny")
    for place in (RETRIEVAL, STS):
        finetune_model(plain, paths, *place)
        embed_texts(plain, paths, *place)
    for shard in (1, 2):
        embed_shard(plain, paths, *RETRIEVAL, "far", shard)
        search_shard(plain, paths, *RETRIEVAL, "far", shard)
    for place in (RETRIEVAL, STS):
        score_model(plain, paths, *place)
    collect_of(plain, paths)
    before = paths.all_scores.read_text().splitlines()
    config = config_of(tiny_checkpoint, {"funnel": FUNNEL, "shortlist": 50}, {})
    with pytest.MonkeyPatch.context() as patched:
        # What is stored is not searched again.
        patched.setattr(retrieval, "search", None)
        for place in (RETRIEVAL, STS):
            score_model(config, paths, *place)
    for place in (RETRIEVAL, STS):
        score_bits(config, paths, *place)
    score_asymmetric(config, paths, *RETRIEVAL)
    collect_of(config, paths)
    compare_systems(config, paths)
    return config, paths, before


def collect_of(config, paths):
    """Collect a run's scores without BM25's."""
    from starbench.stages.evaluate.bm25 import score_bm25

    score_bm25(config, paths, "retrieval")
    collect_run(config, paths)


def read(path):
    return pd.read_csv(path, keep_default_na=False, na_values=["nan"])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def coded(name, texts, vectors):
    """Return vectors of length 1 as a representation gives them back."""
    if name == "float16":
        return vectors.astype(np.float16).astype(np.float64)
    if name == "binary":
        return np.where(vectors > 0, 1.0, -1.0)
    low, high = texts.min(axis=0), texts.max(axis=0)
    middle, step = (low + high) / 2, (high - low) / 254
    return middle + step * np.clip(np.rint((vectors - middle) / step), -127, 127)


def embeddings(paths, place, *parts, size):
    folders = [paths.embeddings(*place) / part for part in parts]
    found = [np.load(folder / f"layer-{size.layers}.npy")[:, : size.dim] for folder in folders]
    return unit(np.concatenate(found))


def test_a_run_without_bits_keeps_its_rows_and_the_new_ones_follow(run):
    _, paths, before = run
    after = paths.all_scores.read_text().splitlines()
    assert after[: len(before)] == before
    assert before[1].endswith(",float32")
    rows = read(paths.all_scores)
    added = rows.iloc[len(before) - 1 :]
    assert set(added["bits"]) == set(NAMES)
    grid = 9
    assert len(added[added["track"] == "retrieval"]) == 2 * grid * 4 * len(NAMES)
    assert len(added[added["track"] == "sts"]) == grid * 2 * 3


@pytest.mark.parametrize("name", ["float16", "int8", "binary"])
def test_rankings_are_those_of_what_the_codes_stand_for(run, name):
    _, paths, _ = run
    size = Size(4, 16)
    passages = read_records(paths.dataset("far"), PASSAGES)["id"][:]
    queries = read_records(paths.dataset("far"), QUERIES)["id"][:]
    qrels = {}
    for row in read_records(paths.dataset("far"), QRELS):
        qrels.setdefault(row["query"], {})[row["passage"]] = row["relevance"]
    judged = {passage for of in qrels.values() for passage in of}
    told = embeddings(paths, RETRIEVAL, "far/passages-1", "far/passages-2", size=size)
    asked = embeddings(paths, RETRIEVAL, "far/queries", size=size)
    texts = told[[passage not in judged for passage in passages]]
    assert 2 < len(texts) < len(told)
    query = coded("binary", texts, asked) / 16 if name == "binary" else asked
    scores = query @ coded(name, texts, told).T
    folder = paths.bits(*RETRIEVAL) / "far"
    with gzip.open(folder / f"runs/n4-d16-{name}.trec.gz", "rt") as file:
        lines = [line.split() for line in file]
    place = {passage: row for row, passage in enumerate(passages)}
    # A query of int8 has codes of its own: its scores are a little off.
    close = {"float16": 1e-5, "int8": 0.02, "binary": 1e-6}[name]
    for asking, of in zip(queries, scores, strict=True):
        mine = [line for line in lines if line[0] == asking]
        assert len(mine) == len(passages)
        found = np.array([of[place[line[2]]] for line in mine])
        np.testing.assert_allclose([float(line[4]) for line in mine], found, atol=close)
        assert (np.diff(found) <= 2 * close).all()
    ranked = {}
    for asking, _, passage, rank, *_ in lines:
        ranked.setdefault(asking, {})[passage] = -float(rank)
    measure = ir_measures.parse_measure("nDCG@10")
    expected = ir_measures.calc_aggregate([measure], qrels, ranked)[measure]
    rows = read(folder / "scores.csv")
    rows = rows[(rows["bits"] == name) & (rows["size"] == "n4-d16") & (rows["metric"] == "nDCG@10")]
    assert rows["value"].item() == pytest.approx(expected, abs=1e-9)


def ranked_in(path):
    """Return {query: passages, best first} of a run file."""
    found = {}
    with gzip.open(path, "rt") as file:
        for line in file:
            query, _, passage, *_ = line.split()
            found.setdefault(query, []).append(passage)
    return found


@pytest.mark.parametrize("name", ["int8", "binary"])
def test_a_shortlist_is_ranked_again_by_what_is_stored_and_the_rest_follows(run, name):
    _, paths, _ = run
    size = Size(2, 8)
    names = read_records(paths.dataset("near"), PASSAGES)["id"][:]
    told = dict(zip(names, embeddings(paths, RETRIEVAL, "near/passages-1", size=size), strict=True))
    queries = read_records(paths.dataset("near"), QUERIES)["id"][:]
    asked = embeddings(paths, RETRIEVAL, "near/queries", size=size)
    runs = paths.bits(*RETRIEVAL) / "near/runs"
    first, again = (ranked_in(runs / f"n2-d8-{kind}.trec.gz") for kind in (name, f"{name}+float32"))
    for query, vector in zip(queries, asked, strict=True):
        assert again[query][50:] == first[query][50:]
        assert set(again[query][:50]) == set(first[query][:50])
        cosines = [float(vector @ told[passage]) for passage in again[query][:50]]
        assert (np.diff(cosines) <= 1e-6).all()
    assert again != first


def test_cosines_of_pairs_are_those_of_what_the_codes_stand_for(run):
    _, paths, _ = run
    rows = read_records(paths.dataset("test"))
    texts = list(dict.fromkeys([*rows["sentence1"], *rows["sentence2"]]))
    row_of = {text: row for row, text in enumerate(texts)}
    left, right = ([row_of[t] for t in rows[c]] for c in ("sentence1", "sentence2"))
    size = Size(2, 8)
    vectors = embeddings(paths, STS, "test", size=size)
    scores = read(paths.bits(*STS) / "test/scores.csv")
    for name in ("float16", "int8", "binary"):
        given = unit(coded(name, vectors, vectors))
        cosines = (given[left] * given[right]).sum(axis=1)
        kept = np.load(paths.bits(*STS) / f"test/similarities-{name}.npy")
        np.testing.assert_allclose(kept[4], cosines, atol=1e-4)
        row = scores[(scores["bits"] == name) & (scores["size"] == "n2-d8")]
        value = row[row["metric"] == "cosine_spearman"]["value"].item()
        expected = stats.spearmanr(kept[4], rows["score"]).statistic
        assert value == pytest.approx(expected, abs=1e-3)


def test_each_representation_is_tested_against_what_is_stored(run):
    _, paths, _ = run
    tests = read(paths.significance)
    found = tests[tests["bits"] != "float32"]
    assert set(zip(found["track"], found["bits"], strict=True)) == {
        *(("retrieval", name) for name in NAMES),
        *(("sts", name) for name in NAMES[:3]),
    }
    assert (found["system"] == found["against"]).all()
    assert (found["layers"] == found["against_layers"]).all()
    row = found[(found["test"] == "t-test") & (found["bits"] == "binary")]
    row = row[(row["dataset"] == "far") & (row["layers"] == 2)].iloc[0]
    theirs, ours = (
        read(folder / "far" / name).set_index(["layers", "dim", "query"])["nDCG@10"]
        for folder, name in (
            (paths.scores(*RETRIEVAL), "queries.csv.gz"),
            (paths.bits(*RETRIEVAL), "queries-binary.csv.gz"),
        )
    )
    ours, theirs = ours.loc[2, 8].sort_index(), theirs.loc[2, 8].sort_index()
    assert row["difference"] == pytest.approx((ours - theirs).mean())
    assert row["p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


def test_a_funnel_of_bits_tells_what_it_reads(run):
    _, paths, _ = run
    with paths.all_adaptive.open() as file:
        rows = [row for row in csv.DictReader(file) if "binary" in row["cascade"]]
    assert {row["dataset"] for row in rows} == {"near", "far"}
    for row in rows:
        assert row["cascade"] == "n4-d8-binary -> n4-d16-int8 -> n4-d16-float32"
        passages = int(row["passages"])
        assert int(row["bytes_read"]) == passages * 1 + 40 * 16 + 15 * 16 * 4
        assert int(row["exact_bytes_read"]) == passages * 16 * 4
        assert int(row["multiply_adds"]) == passages * 8 + 40 * 16 + 15 * 16
        assert 0 <= float(row["value"]) <= 1


def test_small_queries_rank_large_passages_as_a_brute_force_does(run):
    _, paths, _ = run
    rows = read(paths.all_asymmetric)
    assert set(rows["dataset"]) == {"near", "far"}
    pairs = set(zip(rows["query_layers"], rows["passage_layers"], strict=True))
    assert pairs == {(1, 2), (1, 4), (2, 1), (2, 4), (4, 1), (4, 2)}
    qrels = {}
    for row in read_records(paths.dataset("near"), QRELS):
        qrels.setdefault(row["query"], {})[row["passage"]] = row["relevance"]
    queries = read_records(paths.dataset("near"), QUERIES)["id"][:]
    passages = read_records(paths.dataset("near"), PASSAGES)["id"][:]
    asked = embeddings(paths, RETRIEVAL, "near/queries", size=Size(1, 8))
    told = embeddings(paths, RETRIEVAL, "near/passages-1", size=Size(4, 8))
    scores = (asked @ told.T).astype(np.float64)
    measure = ir_measures.parse_measure("nDCG@10")
    bounds = []
    for nudge in (-1e-5, 1e-5):  # equal passages come in either order
        ranked = {
            query: {
                passage: float(of) + nudge * (qrels[query].get(passage, 0) > 0)
                for passage, of in zip(passages, row, strict=True)
            }
            for query, row in zip(queries, scores, strict=True)
        }
        bounds.append(ir_measures.calc_aggregate([measure], qrels, ranked)[measure])
    found = rows[(rows["dataset"] == "near") & (rows["metric"] == "nDCG@10") & (rows["dim"] == 8)]
    found = found[(found["query_layers"] == 1) & (found["passage_layers"] == 4)]
    assert bounds[0] - 1e-6 <= found["value"].item() <= bounds[1] + 1e-6


def test_what_is_scored_already_is_left_and_another_option_scores_again(run, tiny_checkpoint):
    config, paths, _ = run
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(coded_collections, "search_codes", None)
        score_bits(config, paths, *RETRIEVAL)
        other = config_of(tiny_checkpoint, {"scored": ["int8"], "rotation": "pca"}, {})
        with pytest.raises(TypeError):
            score_bits(other, paths, *RETRIEVAL)
    score_bits(config, paths, *RETRIEVAL)
    with pytest.raises(InputError, match=r"tracks\.sts has no key `bits`"):
        score_bits(config_of(tiny_checkpoint, {}, None), paths, *STS)


def test_too_few_calibration_texts_are_named_before_anything_is_written(run, tiny_checkpoint):
    _, paths, _ = run
    few = {"calibration": 4, "rotation": "pca"}
    config = config_of(tiny_checkpoint, few | {"shortlist": 20}, few)
    told = "to calibrate on, the rotation pca of 4 dimensions needs 5 or more"
    for place, what in (
        (RETRIEVAL, "4 passages without a judgement of dataset 'near'"),
        (STS, "4 texts of dataset 'test'"),
    ):
        aside = paths.bits(*place).rename(paths.bits(*place).with_name("aside"))
        with pytest.raises(InputError) as caught:
            score_bits(config, paths, *place)
        assert str(caught.value) == f"tracks.{place[0]}.bits.calibration takes {what} {told}"
        assert not [path for path in paths.bits(*place).rglob("*.*") if ".lock" not in path.name]
        shutil.rmtree(paths.bits(*place))
        aside.rename(paths.bits(*place))


def test_the_report_has_a_table_and_heatmaps_of_bits(run):
    config, paths, _ = run
    only = config.model_copy(update={"tracks": {"retrieval": config.tracks["retrieval"]}})
    for kept in (paths.all_scores, paths.significance):
        header, *lines = kept.read_text().splitlines(keepends=True)
        kept.write_text(header + "".join(line for line in lines if "sts" not in line.split(",")))
        Path(f"{kept}.sha256").unlink()
    write_report(only, paths)
    table = (paths.root / "tables/bits.md").read_text().splitlines()
    assert table[0] == "| Average | System | n/d | Bits | Bytes | Value | Kept | Differs |"
    row = next(line for line in table if "retrieval, out" in line and "4/16 | binary |" in line)
    assert row.split(" | ")[4] == "2"
    frame = pd.read_csv(paths.root / "tables/bits.csv")
    assert set(frame["bits"]) == set(NAMES)
    assert (frame["stored"].notna()).all()
    text = (paths.root / "summary.md").read_text()
    assert "## Fewer bits a number" in text
    assert "## Small queries over large passages" in text
    table = (paths.root / "tables/asymmetric.md").read_text().splitlines()
    assert table[0] == "| Average | System | Dims | Query layers | Passage layers | Value | Kept |"
    kept = [line for line in table if "in domain" in line and "| 16 | 4 | 4 |" in line]
    assert len(kept) == 1
    assert kept[0].endswith("| 100.0 % |")
    assert (paths.root / "figures/retrieval_asymmetric_tiny.png").stat().st_size > 5000
    assert (paths.root / "figures/retrieval_bits_tiny.png").stat().st_size > 5000
    assert "binary+float32" in (paths.root / "tables/bits.tex").read_text()
