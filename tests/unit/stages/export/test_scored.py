"""An exported model is tried on what the run scores, by measures written out here."""

import numpy as np
import pytest

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.export import scored
from starbench.stages.export.scored import sample_texts, scores_beside
from starbench.store.records import PASSAGES, QRELS, QUERIES, read_records
from tests.unit.runs import tiny_value

PAIRS = {"kind": "pairs", "source": "micro", "rows": 30, "seed": 3}
LIBRARY = {"kind": "collection", "source": "micro", "rows": 40, "queries": 5, "metric": "RR@10"}
LARGER = LIBRARY | {"rows": 50, "seed": 4}


def no_prompt(dataset, role):
    return ""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The config and the fetched data of a run with both tracks."""
    value = tiny_value(datasets={"more": PAIRS, "large": LARGER, "library": LIBRARY})
    value["datasets"]["questions"] = {"kind": "training-queries", "source": "micro", "rows": 20}
    value["tracks"]["sts"]["tasks"] = ["test", "more"]
    training = value["tracks"]["sts"]["finetuning"] | {"dataset": "questions"}
    value["tracks"]["retrieval"] = {"tasks": ["large", "library"], "finetuning": training}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path_factory.mktemp("run"))
    for name in ("test", "more", "large", "library"):
        fetch_dataset(config, paths, name)
    return config, paths


def hashed(texts) -> np.ndarray:
    """Vectors that are a function of each text."""
    return np.stack([np.random.default_rng(list(t.encode())).normal(size=6) for t in texts])


def test_the_sample_has_distinct_texts_of_every_scored_set(run):
    config, paths = run
    texts = sample_texts(config, paths, "sts", 64)
    assert len(texts) == len(set(texts)) == 64
    for name in ("test", "more"):
        rows = read_records(paths.dataset(name))
        inside = {*rows["sentence1"], *rows["sentence2"]}
        assert 20 <= sum(text in inside for text in texts) <= 44
    found = sample_texts(config, paths, "retrieval", 1000)
    assert len(found) > 90
    assert {*read_records(paths.dataset("library"), QUERIES)["text"]} <= {*found}


def test_labelled_texts_are_scored_by_their_nearest_example(run, tmp_path):
    micro = {"kind": "labelled", "source": "micro"}
    value = tiny_value(
        datasets={
            "known": micro | {"rows": 90, "split": "train"},
            "texts": micro | {"rows": 20, "examples": "known"},
        },
        systems={"floor": {"backbone": "tiny", "objective": "untouched"}},
    )
    value["tracks"] = {"classification": {"tasks": ["texts"]}}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path)
    for name in ("known", "texts"):
        fetch_dataset(config, paths, name)
    (found,) = scores_beside(config, paths, "classification", hashed, hashed, "cosine", no_prompt)
    texts, known = (list(read_records(paths.dataset(name))) for name in ("texts", "known"))
    right = 0
    for row in texts:
        (vector,) = hashed([row["text"]])
        cosines = [
            vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)
            for (other,) in (hashed([example["text"]]) for example in known)
        ]
        right += known[int(np.argmax(cosines))]["label"] == row["label"]
    assert (found.dataset, found.metric) == ("texts", "nn_accuracy")
    assert found.fp32 == found.int8 == right / 20


def test_pairs_are_scored_by_spearman_of_cosines(run):
    config, paths = run
    beside = list(scores_beside(config, paths, "sts", hashed, hashed, "cosine", no_prompt))
    assert [(row.dataset, row.metric) for row in beside] == [
        ("test", "cosine_spearman"),
        ("more", "cosine_spearman"),
    ]
    rows = read_records(paths.dataset("more"))
    left, right = (hashed(rows[name]) for name in ("sentence1", "sentence2"))
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines = (left * right).sum(axis=1) / norms
    ranks = [_ranks(values) for values in (cosines, np.array(rows["score"]))]
    expected = np.corrcoef(*ranks)[0, 1]
    assert beside[1].fp32 == pytest.approx(expected)
    assert beside[1].int8 == beside[1].fp32


def _ranks(values: np.ndarray) -> np.ndarray:
    """The mean rank of each value among all."""
    below = (values[:, None] > values).sum(axis=1)
    return below + (values[:, None] == values).sum(axis=1) / 2


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_the_smallest_collection_is_searched(run, similarity):
    config, paths = run
    (found,) = scores_beside(config, paths, "retrieval", hashed, hashed, similarity, no_prompt)
    assert (found.dataset, found.metric) == ("library", "RR@10")
    folder = paths.dataset("library")
    queries, passages = read_records(folder, QUERIES), read_records(folder, PASSAGES)
    relevant = {(r["query"], r["passage"]) for r in read_records(folder, QRELS) if r["relevance"]}
    vectors = [hashed(rows["text"]) for rows in (queries, passages)]
    if similarity == "cosine":
        vectors = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    reciprocal = []
    for query, row in zip(queries["id"], vectors[0] @ vectors[1].T, strict=True):
        best = [passages["id"][place] for place in np.argsort(-row)[:10]]
        ranks = [rank for rank, passage in enumerate(best, 1) if (query, passage) in relevant]
        reciprocal.append(1 / ranks[0] if ranks else 0)
    assert found.fp32 == pytest.approx(np.mean(reciprocal))


def test_a_large_collection_is_not_searched(run, monkeypatch):
    config, paths = run
    monkeypatch.setattr(scored, "MOST_PASSAGES", 39)
    assert list(scores_beside(config, paths, "retrieval", hashed, hashed, "dot", no_prompt)) == []
