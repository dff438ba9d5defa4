"""Comparisons of systems and sizes against scipy on the same values."""

import numpy as np
import pytest
from scipy import stats

from starbench.sizes import Size
from starbench.stages.evaluate.compared_pairs import compare_pairs
from starbench.stages.evaluate.compared_queries import compare_queries
from starbench.stages.evaluate.entries import Entry
from starbench.stages.evaluate.significance import williams_test

SMALL, LARGE = Size(1, 4), Size(2, 8)
A, B, C = Entry("a", SMALL), Entry("b", SMALL), Entry("a", LARGE)


def test_sts_is_compared_by_the_mean_correlation_over_the_seeds():
    draw = np.random.default_rng(0)
    gold = draw.integers(0, 6, 200).astype(float)
    cosines = {
        entry: gold + draw.normal(0, noise, (2, 200))
        for entry, noise in ((A, 2.0), (B, 4.0), (C, 2.0))
    }
    found = compare_pairs(gold, cosines, [(A, B), (A, C)], resamples=2000)
    own = {
        entry: np.mean([stats.spearmanr(gold, seed)[0] for seed in values])
        for entry, values in cosines.items()
    }
    for test in ("bootstrap", "williams"):
        assert found[test][A, B].difference == pytest.approx(own[A] - own[B])
        assert found[test][A, B].p < 0.01
        assert found[test][A, C].p > 0.01
    between = np.mean(
        [stats.spearmanr(*pair)[0] for pair in zip(cosines[A], cosines[B], strict=True)]
    )
    expected = williams_test(own[A], own[B], between, 200)
    assert found["williams"][A, B].p == pytest.approx(expected)


def test_retrieval_leaves_out_queries_that_do_not_count_for_anyone():
    draw = np.random.default_rng(1)
    values = {entry: draw.random(40) for entry in (A, B, C)}
    values[B][[3, 7]] = np.nan
    found, count = compare_queries(values, [(A, B), (A, C)], resamples=1000)
    assert count == 38
    kept = np.isfinite(values[B])
    expected = stats.ttest_rel(values[A][kept], values[C][kept])
    assert found["t-test"][A, C].p == pytest.approx(expected.pvalue)
    assert found["randomisation"][A, C].p == pytest.approx(expected.pvalue, abs=0.06)
    assert found["t-test"][A, B].difference == pytest.approx(np.nanmean(values[A] - values[B]))
