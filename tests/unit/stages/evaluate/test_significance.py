"""Significance tests against scipy, plain loops and published values, and under the null."""

import numpy as np
import pytest
from scipy import stats

from starbench.stages.evaluate import significance as module
from starbench.stages.evaluate.significance import (
    bonferroni,
    bootstrap_spearman,
    bootstrap_test,
    holm,
    paired_t_test,
    randomisation_test,
    williams_test,
)


def test_the_t_test_is_scipys_and_1_for_equal_values():
    draw = np.random.default_rng(0)
    first, second = draw.random(50), draw.random(50)
    assert paired_t_test(first, second) == stats.ttest_rel(first, second).pvalue
    assert paired_t_test(first, first) == 1


def test_the_randomisation_test_of_few_queries_is_exact():
    first, second = np.array([0.9, 0.8, 0.4, 0.6, 0.7]), np.array([0.1, 0.3, 0.5, 0.2, 0.1])
    exact = stats.permutation_test(
        (first, second),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert randomisation_test((first - second)[None]) == pytest.approx(exact.pvalue)


def test_the_randomisation_test_of_many_queries_agrees_with_scipy(monkeypatch):
    monkeypatch.setattr(module, "CELLS_PER_BLOCK", 5000)
    draw = np.random.default_rng(1)
    second = draw.random(80)
    first = second + draw.normal(0.04, 0.2, 80)
    reference = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        vectorized=True,
        permutation_type="samples",
        n_resamples=20000,
        rng=np.random.default_rng(2),
    )
    differences = np.stack([first - second, first - first, first + 9 - second])
    found = randomisation_test(differences)
    assert found == pytest.approx([reference.pvalue, 1, 1 / 10001], abs=0.012)
    assert found[1:] == pytest.approx([1, 1 / 10001])
    np.testing.assert_array_equal(randomisation_test(differences), found, "the same seed")


def test_resampled_correlations_are_those_of_the_resampled_pairs(monkeypatch):
    monkeypatch.setattr(module, "CELLS_PER_BLOCK", 1000)
    draw = np.random.default_rng(3)
    gold = draw.integers(0, 6, 40).astype(float)  # many ties
    systems = np.stack([gold + draw.normal(0, s, 40) for s in (1, 3)]).round(1)
    found = bootstrap_spearman(gold, systems, seed=5, resamples=60)
    again = np.random.default_rng(5)
    expected = []
    for block in module._blocks(60, 40):
        for counts in again.multinomial(40, np.full(40, 1 / 40), size=block):
            rows = np.repeat(np.arange(40), counts)
            expected.append([stats.spearmanr(gold[rows], system[rows])[0] for system in systems])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_williams_test_gives_the_values_of_rs_psych_package():
    # psych::r.test(103, .4, .5, .1): t = -0.89, p < 0.37
    assert williams_test(0.4, 0.5, 0.1, 103) == pytest.approx(2 * stats.t.sf(0.8913, 100), abs=1e-3)
    assert round(williams_test(0.4, 0.5, 0.1, 103), 2) == 0.37
    assert williams_test(0.4, 0.5, 0.1, 103) == williams_test(0.5, 0.4, 0.1, 103)
    assert williams_test(0.5, 0.5, 0.1, 103) == 1
    with pytest.raises(ValueError, match="at least 4 pairs"):
        williams_test(0.4, 0.5, 0.1, 3)


def test_corrections_are_those_of_a_plain_loop():
    p_values = [0.01, 0.04, 0.03, 0.005, float("nan")]
    assert bonferroni(p_values)[:4] == pytest.approx([0.04, 0.16, 0.12, 0.02])
    assert holm(p_values)[:4] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(bonferroni(p_values)[4])
    assert np.isnan(holm(p_values)[4])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_under_the_null_one_in_twenty_is_found():
    draw = np.random.default_rng(7)
    t_tests, flips, bootstraps, williams = [], [], [], []
    for _ in range(400):
        common = draw.normal(size=60)
        first, second = common + draw.normal(size=60), common + draw.normal(size=60)
        t_tests.append(paired_t_test(first, second))
        flips.append(randomisation_test((first - second)[None], resamples=400)[0])
        resampled = bootstrap_spearman(common, np.stack([first, second]), resamples=400)
        bootstraps.append(bootstrap_test(*resampled.T))
        r = np.corrcoef([common, first, second])
        williams.append(williams_test(r[0, 1], r[0, 2], r[1, 2], 60))
    for name, p_values in (
        ("t", t_tests),
        ("randomisation", flips),
        ("bootstrap", bootstraps),
        ("Williams", williams),
    ):
        rate = (np.array(p_values) < 0.05).mean()
        # Four standard errors of 400 tries: 0.05 +- 0.044.
        assert 0.015 < rate < 0.094, name


def test_a_real_difference_is_found():
    draw = np.random.default_rng(8)
    gold = draw.normal(size=300)
    good, bad = gold + draw.normal(0, 0.5, 300), gold + draw.normal(0, 2, 300)
    resampled = bootstrap_spearman(gold, np.stack([good, bad]), resamples=2000)
    assert bootstrap_test(*resampled.T) == pytest.approx(2 / 2001)
    assert bootstrap_test(resampled[:, 0], resampled[:, 0]) == 1


def test_more_pairs_than_fit_into_a_block_are_resampled_one_resample_at_a_time():
    assert module._blocks(3, module.CELLS_PER_BLOCK + 1) == [1, 1, 1]
    assert module._blocks(7, module.CELLS_PER_BLOCK // 3) == [3, 3, 1]
    assert module._blocks(0, 5) == []


def test_thousands_of_texts_can_be_flipped():
    differences = np.repeat([[1.0, 0.0], [1.0, -1.0]], 1500, axis=1)
    few, none = randomisation_test(differences, resamples=99)
    assert few == 0.01
    assert none > 0.5
