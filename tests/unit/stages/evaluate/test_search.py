"""Exact search against brute force: ties, shards, blocks, short and empty collections."""

import numpy as np
import pytest

from starbench.config.search import Adaptive
from starbench.errors import InputError
from starbench.machine.files import sha256_of, write_json
from starbench.sizes import Size
from starbench.stages.evaluate import search as module
from starbench.stages.evaluate.adaptive import Cascade, Reranker, cascades
from starbench.stages.evaluate.search import Candidates, Ranking, candidates, merged, search
from starbench.store.embeddings import EmbeddingWriter, StoredEmbeddings

CELLS = [Size(layer, dim) for layer in (1, 2) for dim in (2, 5, 8)]


def stored(folder, layers, dtype="float32"):
    """Write {layer: vectors} as a folder of embeddings."""
    rows = len(next(iter(layers.values())))
    writer = EmbeddingWriter(folder, rows, {n: v.shape[1] for n, v in layers.items()}, dtype)
    writer.write_ids([str(row) for row in range(rows)])
    writer.write(range(rows), layers)
    writer.close()
    vouch_for(folder, rows)
    return StoredEmbeddings(folder)


def vouch_for(folder, rows):
    """Write a manifest of the files that are in a folder of embeddings."""
    names = [path.name for path in folder.iterdir() if path.suffix != ".json"]
    files = {name: sha256_of(folder / name) for name in sorted(names)}
    write_json(folder / "manifest.json", {"stage": "embed", "texts": rows, "files": files})


@pytest.fixture
def made(tmp_path):
    """Return a function that stores random vectors of whole numbers: many scores are equal."""

    def make(queries, passages, shards=1, seed=0, dtype="float32"):
        draw = np.random.default_rng(seed)
        layers = {n: draw.integers(-2, 3, (passages, 8)).astype(np.float32) for n in (1, 2)}
        asked = {n: draw.integers(-2, 3, (queries, 8)).astype(np.float32) for n in (1, 2)}
        cuts = np.array_split(np.arange(passages), shards)
        parts = [
            stored(tmp_path / f"p{number}", {n: v[rows] for n, v in layers.items()}, dtype)
            for number, rows in enumerate(cuts)
        ]
        return stored(tmp_path / "q", asked, dtype), parts, asked, layers

    return make


def brute_force(queries, passages, dim, depth, similarity, tie_ranks):
    """Every score in float64, sorted by score, then by the place among ties."""
    asked, told = queries[:, :dim].astype(np.float64), passages[:, :dim].astype(np.float64)
    scores = asked @ told.T
    if similarity == "cosine":
        norms = np.linalg.norm(asked, axis=1)[:, None] * np.linalg.norm(told, axis=1)[None]
        scores = np.divide(scores, norms, out=np.zeros_like(scores), where=norms > 0)
        scores = np.round(scores, 6)  # equal cosines differ in the last bits
    rows = [np.lexsort((tie_ranks, -row))[:depth] for row in scores]
    return np.array(rows), np.take_along_axis(scores, np.array(rows), axis=1)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(("passages", "depth"), [(500, 20), (7, 20), (1, 5), (300, 300)])
def test_dot_products_are_ranked_as_by_brute_force_with_ties_by_their_order(
    made, monkeypatch, passages, depth, shards
):
    monkeypatch.setattr(module, "FIRST_BLOCK", 16)
    monkeypatch.setattr(module, "QUERIES_PER_BLOCK", 4)
    shards = min(shards, passages)
    queries, parts, asked, layers = made(9, passages, shards)
    tie_ranks = np.random.default_rng(1).permutation(passages)
    found = search(queries, parts, CELLS, depth, "dot", tie_ranks)
    assert set(found) == set(CELLS)
    for cell in CELLS:
        rows, scores = brute_force(
            asked[cell.layers], layers[cell.layers], cell.dim, depth, "dot", tie_ranks
        )
        np.testing.assert_array_equal(found[cell].rows, rows)
        np.testing.assert_array_equal(found[cell].scores, scores)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize(("passages", "depth"), [(200, 20), (200, 90), (7, 20)])
def test_merged_shards_equal_one_search_ties_too(made, passages, depth, similarity):
    queries, parts, _, _ = made(9, passages, shards=4)
    tie_ranks = np.random.default_rng(1).permutation(passages)
    whole = search(queries, parts, CELLS, depth, similarity, tie_ranks)
    starts = np.cumsum([0, *(part.rows for part in parts)])
    found: list[dict[Size, Candidates]] = []
    for part, start in zip(parts, starts, strict=False):
        among_themselves = np.argsort(np.argsort(tie_ranks[start : start + part.rows]))
        found.append(candidates(queries, [part], CELLS, depth, similarity, among_themselves))
    for cell in CELLS:
        again = merged([part[cell] for part in found], starts[:-1].tolist(), depth, tie_ranks)
        np.testing.assert_array_equal(again.rows, whole[cell].rows)
        np.testing.assert_array_equal(again.scores, whole[cell].scores)


def test_cosines_are_ranked_as_by_brute_force_and_zero_vectors_score_zero(made):
    queries, parts, asked, layers = made(6, 200, 2)
    tie_ranks = np.arange(200)
    found = search(queries, parts, CELLS, 50, "cosine", tie_ranks)
    for cell in CELLS:
        rows, scores = brute_force(
            asked[cell.layers], layers[cell.layers], cell.dim, 50, "cosine", tie_ranks
        )
        np.testing.assert_allclose(found[cell].scores, scores, atol=2e-6)
        # Where neighbours differ by more than rounding, the order is the same.
        clear = np.abs(np.diff(scores, axis=1)) > 1e-5
        alone = np.pad(clear, ((0, 0), (1, 0)), constant_values=True) & np.pad(
            clear, ((0, 0), (0, 1)), constant_values=False
        )
        np.testing.assert_array_equal(found[cell].rows[alone], rows[alone])


def test_float16_vectors_are_multiplied_in_float32(made):
    queries, parts, asked, layers = made(3, 40, dtype="float16")
    found = search(queries, parts, [Size(2, 8)], 40, "dot", np.arange(40))[Size(2, 8)]
    assert found.scores.dtype == np.float32
    rows, scores = brute_force(asked[2], layers[2], 8, 40, "dot", np.arange(40))
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.scores, scores)


def test_negative_zero_is_zero(tmp_path):
    queries = stored(tmp_path / "q", {1: np.array([[1.0, 0.0]], dtype=np.float32)})
    told = np.array([[-0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]], dtype=np.float32)
    passages = stored(tmp_path / "p", {1: told})
    found = search(queries, [passages], [Size(1, 2)], 3, "dot", np.array([1, 0, 2]))
    assert found[Size(1, 2)].rows.tolist() == [[1, 0, 2]]


def test_an_empty_set_of_queries_gives_an_empty_ranking(made):
    queries, parts, *_ = made(0, 30)
    found = search(queries, parts, [Size(1, 2)], 5, "dot", np.arange(30))
    assert found[Size(1, 2)].rows.shape == (0, 5)


def test_values_that_are_not_finite_and_missing_shards_are_refused(tmp_path, made):
    queries, parts, *_ = made(2, 30, 2)
    with pytest.raises(InputError, match="15 embeddings for 30 passages"):
        search(queries, parts[:1], [Size(1, 2)], 5, "dot", np.arange(30))
    array = np.load(parts[0].folder / "layer-1.npy")
    array[3, 1] = np.nan
    np.save(parts[0].folder / "layer-1.npy", array)
    vouch_for(parts[0].folder, 15)
    with pytest.raises(InputError, match="not finite"):
        search(queries, parts, [Size(1, 2)], 5, "dot", np.arange(30))


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_a_shortlist_of_everything_ranks_as_exact_search(made, similarity):
    queries, parts, *_ = made(5, 70, 2)
    small, full = Size(1, 2), Size(2, 8)
    tie_ranks = np.random.default_rng(2).permutation(70)
    exact = search(queries, parts, [small, full], 70, similarity, tie_ranks)
    reranker = Reranker(queries, parts, similarity, tie_ranks)
    again = reranker.cascade(Cascade("all", (small, full), (70,)), exact[small])
    np.testing.assert_allclose(again.scores, exact[full].scores, atol=1e-6)
    if similarity == "dot":
        np.testing.assert_array_equal(again.rows, exact[full].rows)


def test_a_shortlist_is_ranked_again_and_the_rest_stays_behind_it(made):
    queries, parts, asked, layers = made(4, 60, 3)
    tie_ranks = np.arange(60)
    first = search(queries, parts, [Size(1, 2)], 30, "dot", tie_ranks)[Size(1, 2)]
    steps = Cascade("two", (Size(1, 2), Size(1, 8), Size(2, 8)), (20, 10))
    found = Reranker(queries, parts, "dot", tie_ranks).cascade(steps, first)
    for query in range(4):
        middle = first.rows[query, :20]
        scores = layers[1][middle] @ asked[1][query]
        middle = middle[np.lexsort((middle, -scores))]
        top = middle[:10]
        scores = layers[2][top] @ asked[2][query]
        top = top[np.lexsort((top, -scores))]
        expected = [*top, *middle[10:], *first.rows[query, 20:]]
        assert found.rows[query].tolist() == expected


def test_what_a_cascade_costs():
    steps = Cascade("two", (Size(1, 2), Size(1, 8), Size(2, 16)), (20, 10))
    assert steps.multiply_adds(1000) == 1000 * 2 + 20 * 8 + 10 * 16
    assert steps.multiply_adds(5) == 5 * 2 + 5 * 8 + 5 * 16


def test_search_agrees_with_faiss(tmp_path):
    faiss = pytest.importorskip("faiss")
    draw = np.random.default_rng(3)
    layers = {1: draw.standard_normal((5000, 32)).astype(np.float32)}
    asked = {1: draw.standard_normal((20, 32)).astype(np.float32)}
    queries, passages = stored(tmp_path / "q", asked), stored(tmp_path / "p", layers)
    found = search(queries, [passages], [Size(1, 16), Size(1, 32)], 100, "dot", np.arange(5000))
    for dim in (16, 32):
        index = faiss.IndexFlatIP(dim)
        index.add(np.ascontiguousarray(layers[1][:, :dim]))
        scores, rows = index.search(np.ascontiguousarray(asked[1][:, :dim]), 100)
        ours: Ranking = found[Size(1, dim)]
        np.testing.assert_allclose(ours.scores, scores, atol=1e-4)
        assert (ours.rows == rows).mean() > 0.999


def test_no_more_passages_go_on_and_are_paid_for_than_the_first_ranking_has():
    sizes = [Size(1, 2), Size(2, 4), Size(3, 8)]
    tried = cascades(sizes, Adaptive(shortlist=200, funnel=[200, 50]), depth=100)
    assert [(steps.name, steps.kept) for steps in tried] == [
        ("n1-d2 -> n3-d8", (100,)),
        ("n2-d4 -> n3-d8", (100,)),
        ("funnel", (100, 50)),
    ]
    assert tried[0].multiply_adds(1000) == 1000 * 2 + 100 * 8
    assert tried[2].multiply_adds(1000) == 1000 * 2 + 100 * 4 + 50 * 8
