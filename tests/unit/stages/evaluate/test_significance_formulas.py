"""Each test of significance against its formula written out, its edges included."""

import warnings

import numpy as np
import pytest
from scipy import stats

from starbench.stages.evaluate.significance import (
    RESAMPLES,
    bonferroni,
    bootstrap_spearman,
    bootstrap_test,
    holm,
    randomisation_test,
    williams_test,
)


def flipped(differences, seed, resamples):
    """The share of sign flips with a sum at least as far from 0, one flip after another."""
    flips = np.random.default_rng(seed).integers(0, 2, (resamples, len(differences)), np.int8)
    observed = abs(sum(differences)) - 1e-9
    hits = sum(abs(sum(np.where(row, -differences, differences))) >= observed for row in flips)
    return (hits + 1) / (resamples + 1)


def test_sampled_flips_are_those_of_a_plain_loop_with_the_same_draws():
    draw = np.random.default_rng(4)
    differences = draw.normal(0.1, 1, (3, 12)).round(1)
    for seed in (0, 5):
        found = randomisation_test(differences, seed=seed, resamples=300)
        assert found.tolist() == [flipped(row, seed, 300) for row in differences]
    first = randomisation_test(differences, resamples=300)
    assert first.tolist() == randomisation_test(differences, seed=0, resamples=300).tolist()


def test_as_many_flips_as_resamples_are_all_tried():
    """Of 2^5 flips just two, of all signs and of none, are as far from 0."""
    differences = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    assert randomisation_test(differences, resamples=32).tolist() == [2 / 32]
    sampled = randomisation_test(differences, resamples=31)
    assert sampled.tolist() == [flipped(differences[0], 0, 31)]


def test_the_bootstrap_test_counts_ties_on_both_sides_and_stays_below_one():
    def p(*differences):
        return bootstrap_test(np.array(differences), np.zeros(len(differences)))

    assert p(1.0, 2.0, 3.0, -1.0) == 2 * 2 / 5
    assert p(-1.0, -2.0, -3.0, 1.0) == 2 * 2 / 5
    assert p(1.0, 2.0, 3.0, 0.0) == 2 * 2 / 5
    assert p(-1.0, -2.0, -3.0, 0.0) == 2 * 2 / 5
    assert p(1.0, -1.0) == 1
    assert p(0.0, 0.0, 0.0) == 1
    assert p(*[1.0] * 9, np.nan, np.inf) == 2 * 1 / 10


@pytest.mark.parametrize("n", [4, 5, 12, 400])
def test_williams_test_is_equation_7_of_steiger(n):
    draw = np.random.default_rng(n)
    for _ in range(20):
        values = draw.normal(size=(3, 30))
        values[1:] += draw.normal() * values[0]
        r = np.corrcoef(values)
        first, second, between = r[0, 1], r[0, 2], r[1, 2]
        middle = (first + second) ** 2 / 4
        below = 2 * np.linalg.det(r) * (n - 1) / (n - 3) + middle * (1 - between) ** 3
        t = (first - second) * np.sqrt((n - 1) * (1 + between) / below)
        expected = 2 * stats.t.sf(abs(t), n - 3)
        assert williams_test(first, second, between, n) == pytest.approx(expected, rel=1e-9)


def test_systems_that_are_opposites_of_one_another_differ_for_certain():
    assert williams_test(0.5, -0.5, -1.0, 10) == 0


def test_no_corrected_value_is_above_one_and_what_is_no_number_does_not_count():
    assert bonferroni([0.9, 0.25]) == [1.0, 0.5]
    assert bonferroni([float("nan"), 0.25])[1] == 0.25
    assert holm([0.25, float("nan"), 0.5])[0] == 0.5
    assert holm([]) == bonferroni([]) == []


def test_resamples_are_ten_thousand_and_their_seed_0_if_not_said_otherwise():
    gold = np.arange(5.0)
    system = np.array([[1.0, 0.0, 2.0, 4.0, 3.0]])
    found = bootstrap_spearman(gold, system)
    assert found.shape == (RESAMPLES, 1) == (10_000, 1)
    np.testing.assert_array_equal(found, bootstrap_spearman(gold, system, 0, 10_000))
    assert not np.array_equal(found, bootstrap_spearman(gold, system, 1))


def test_a_system_that_gives_every_pair_the_same_score_has_no_correlation_and_no_warning():
    gold = np.random.default_rng(0).normal(size=200)
    systems = np.stack([np.full(200, 0.5), gold])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap_spearman(gold, systems, resamples=50)
    assert not np.isfinite(found[:, 0]).any()
    np.testing.assert_allclose(found[:, 1], 1)


def test_one_pair_that_differs_is_enough_for_a_correlation():
    """In long samples too: where the pair is drawn, ranks are not equal but for rounding."""
    gold = np.arange(3000.0)
    system = np.zeros((1, 3000))
    system[0, -1] = 1
    found = bootstrap_spearman(gold, system, resamples=40)[:, 0]
    counts = np.random.default_rng(0).multinomial(3000, np.full(3000, 1 / 3000), size=33)
    drawn = counts[:, -1] > 0
    assert np.isfinite(found[:33]).tolist() == drawn.tolist()
