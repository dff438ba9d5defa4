"""Exact search over codes, against FAISS and brute force, with and without VNNI."""

import os
import subprocess
import sys

import faiss
import numpy as np
import pytest
import torch

from starbench.sizes import Size
from starbench.stages.evaluate import coded_search as module
from starbench.stages.evaluate import search as searching
from starbench.stages.evaluate.coded_search import CodeSearch, products, search_codes
from starbench.stages.evaluate.coding import coder_of
from tests.unit.stages.evaluate.test_search import stored

DEPTH = 100


@pytest.fixture(scope="module")
def large():
    """Return 100,000 passages, 16 queries and 2,000 texts to calibrate on, of 384 dimensions."""
    draw = np.random.default_rng(0)
    return [draw.standard_normal((rows, 384), dtype=np.float32) for rows in (100_000, 16, 2_000)]


def searched(coder, queries, passages):
    """Return codes of queries and passages, and the ranking by them."""
    asked = coder.queries(torch.from_numpy(queries.copy()))
    codes = coder.passages(torch.from_numpy(passages.copy()))
    search = CodeSearch(asked, DEPTH, np.arange(len(passages)))
    for start in range(0, len(passages), 30_000):
        search.add(codes[start : start + 30_000], start)
    return asked, codes, search.ranking()


def same_up_to_ties(rows, scores, their_rows, their_scores):
    """Assert equal scores, and equal passages above the lowest score of each query."""
    np.testing.assert_array_equal(scores, their_scores)
    for mine, of, theirs in zip(rows, scores, their_rows, strict=True):
        for score in np.unique(of)[1:]:
            assert set(mine[of == score]) == set(theirs[of == score])


def test_int8_ranks_100000_passages_as_faiss(large):
    passages, queries, texts = large
    asked, codes, found = searched(
        coder_of("int8", True, "none", texts, "texts"), queries, passages
    )
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
    index = faiss.IndexScalarQuantizer(384, kind, faiss.METRIC_INNER_PRODUCT)
    index.add(codes.float().numpy())
    their_scores, their_rows = index.search(asked.codes.float().numpy(), DEPTH)
    exact = asked.codes.numpy().astype(np.int64)
    whole = np.stack(
        [
            codes.numpy()[rows].astype(np.int64) @ q
            for q, rows in zip(exact, found.rows, strict=True)
        ]
    )
    same_up_to_ties(found.rows, whole, their_rows, their_scores.astype(np.int64))
    scores = asked.offsets.numpy()[:, None] + asked.factors.numpy()[:, None] * whole
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)


def test_binary_ranks_100000_passages_as_faiss(large):
    passages, queries, texts = large
    _, _, found = searched(coder_of("binary", True, "none", texts, "texts"), queries, passages)
    index = faiss.IndexBinaryFlat(384)
    index.add(np.packbits(passages > 0, axis=1))
    distances, their_rows = index.search(np.packbits(queries > 0, axis=1), DEPTH)
    mine = np.rint((1 - found.scores) * 384 / 2).astype(int)
    same_up_to_ties(found.rows, -mine, their_rows, -distances)


@pytest.mark.parametrize("is_exact", [True, False])
@pytest.mark.parametrize("shards", [1, 3])
def test_rankings_are_those_of_a_brute_force_whatever_the_blocks_ties_by_their_order(
    tmp_path, monkeypatch, shards, is_exact
):
    monkeypatch.setattr(searching, "FIRST_BLOCK", 16)
    monkeypatch.setattr(module, "QUERIES_PER_BLOCK", 4)
    if not is_exact:
        monkeypatch.setattr(module, "_int_mm_is_exact", lambda *_: False)
    draw = np.random.default_rng(1)
    told = draw.integers(-2, 3, (200, 8)).astype(np.float32)
    asked = draw.integers(-2, 3, (9, 8)).astype(np.float32)
    parts = [
        stored(tmp_path / f"p{number}", {1: told[rows]})
        for number, rows in enumerate(np.array_split(np.arange(200), shards))
    ]
    cell, ranks = Size(1, 5), draw.permutation(200)
    coders = {
        name: coder_of(name, False, "none", told[:50, :5], "texts")
        for name in ("float16", "int8", "binary")
    }
    found = search_codes(stored(tmp_path / "q", {1: asked}), parts, cell, coders, 30, ranks)
    for name, coder in coders.items():
        query = coder.queries(torch.from_numpy(asked[:, :5].copy()))
        codes = coder.passages(torch.from_numpy(told[:, :5].copy()))
        scores = (query.codes.double() @ codes.double().T).numpy()
        rows = np.array([np.lexsort((ranks, -of))[:30] for of in scores])
        np.testing.assert_array_equal(found.rankings[name].rows, rows)
    blank = int((told[:, :5] <= 0).all(axis=1).sum())
    assert found.blank == {"binary": blank}
    assert blank > 0


@pytest.mark.parametrize("dims", [384, 2048])
def test_products_of_the_largest_codes_are_exact(monkeypatch, dims):
    draw = np.random.default_rng(2)
    ours = torch.from_numpy(draw.choice([-127, 126, 127], (3, dims)).astype(np.int8))
    theirs = torch.from_numpy(draw.choice([-127, 125, 127], (70, dims)).astype(np.int8))
    exact = ours.numpy().astype(np.int64) @ theirs.numpy().astype(np.int64).T
    np.testing.assert_array_equal(products(ours, theirs), exact)
    monkeypatch.setattr(module, "_int_mm_is_exact", lambda *_: False)
    np.testing.assert_array_equal(products(ours, theirs), exact)


WITHOUT_VNNI = """
import numpy as np, torch
from starbench.stages.evaluate.coded_search import _int_mm_is_exact, products
codes = torch.from_numpy(np.random.default_rng(0).integers(-127, 128, (300, 384), dtype=np.int8))
exact = codes.numpy().astype(np.int64) @ codes.numpy().astype(np.int64).T
assert (products(codes, codes).numpy() == exact).all()
print(_int_mm_is_exact(300, 384, 300), (torch._int_mm(codes, codes.T).numpy() == exact).all())
"""


def test_a_processor_whose_int8_products_are_wrong_is_noticed():
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_VNNI],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, right = done.stdout.split()
    assert right == "True" or told == "False"
