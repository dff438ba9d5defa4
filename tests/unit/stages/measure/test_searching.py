"""The search that is timed is exact search."""

import numpy as np
import torch

from starbench.stages.measure.searching import found, search_seconds

PASSAGES = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)
QUERIES = np.random.default_rng(1).normal(size=(4, 12)).astype(np.float32)


def test_the_passages_that_are_found_are_the_best_ones_in_their_order():
    for query in QUERIES:
        best = found(torch.from_numpy(PASSAGES), torch.from_numpy(query), 20)
        assert best.tolist() == np.argsort(-(PASSAGES @ query))[:20].tolist()


def test_a_ranking_is_no_deeper_than_the_collection():
    assert len(found(torch.from_numpy(PASSAGES[:7]), torch.from_numpy(QUERIES[0]), 20)) == 7


def test_every_number_of_dims_is_timed_on_read_only_vectors_too():
    stored = PASSAGES.copy()
    stored.flags.writeable = False
    seconds = search_seconds(stored, QUERIES, [3, 12], 10, 3, torch.device("cpu"))
    assert list(seconds) == [3, 12]
    assert all(0 < low <= median <= high for median, low, high in seconds.values())
