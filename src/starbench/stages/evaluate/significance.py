"""Tests of whether two systems differ, on the values of single queries or pairs."""

# S = systems, C = comparisons, N = queries or pairs, R = resamples

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

RESAMPLES = 10_000
CELLS_PER_BLOCK = 100_000
"""Resampled pairs that are worked on at a time: 1.6 MB an array, which stays in the cache."""


def paired_t_test(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value of Student's paired t-test; 1 if no query differs."""
    if np.array_equal(first, second):
        return 1.0
    return float(stats.ttest_rel(first, second).pvalue)


def mcnemar_test(differences_N: np.ndarray) -> float:
    """Return the two-sided p-value of McNemar's exact test; 1 if no text differs.

    Of the texts that the two systems differ on, as many are expected to be for the one as for the
    other. With several seeds a text is for the system that tells its label with more of them.

    Args:
        differences_N: by text the difference of the shares of seeds that are right.
    """
    first, second = int((differences_N > 0).sum()), int((differences_N < 0).sum())
    if first + second == 0:
        return 1.0
    return float(stats.binomtest(first, first + second).pvalue)


def randomisation_test(
    differences_CN: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> np.ndarray:
    """Return the two-sided p-values (C,) of paired randomisation (sign-flip) tests of the means.

    Exact where all 2^N flips are fewer than `resamples`. Else the same flips serve all C
    comparisons, and a p-value is never 0: (hits + 1) / (resamples + 1).

    Args:
        differences_CN: for each comparison the differences of two systems' values, by query.
        seed: seed of the flips.
        resamples: number of flips.
    """
    differences_CN = np.asarray(differences_CN, dtype=float)
    count, exact = differences_CN.shape[1], 2.0 ** differences_CN.shape[1] <= resamples
    # Rounding must not part flips of the same sum from the observed one.
    observed_C = abs(differences_CN.sum(axis=1)) * (1 - 1e-9)
    draw = np.random.default_rng(seed)
    hits_C, tried = np.zeros(len(differences_CN)), 0
    for block in [2**count] if exact else _blocks(resamples, count):
        if exact:
            flips = (np.arange(block)[:, None] >> np.arange(count)) & 1
        else:
            flips = draw.integers(0, 2, (block, count), dtype=np.int8)
        hits_C += (abs((1 - 2.0 * flips) @ differences_CN.T) >= observed_C).sum(axis=0)
        tried += block
    return hits_C / tried if exact else (hits_C + 1) / (tried + 1)


def bootstrap_spearman(
    gold_N: np.ndarray, systems_SN: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> np.ndarray:
    """Return the Spearman correlations (R, S) of resampled pairs with their gold scores.

    Every system is scored on the same resamples, so that differences are paired. A resample is
    a count of each pair; ranks follow from cumulated counts in the order of the whole sample,
    without sorting again. Ties have their mean rank, as in scipy.
    """
    draw = np.random.default_rng(seed)
    pairs = len(gold_N)
    gold, *systems = [_Ranked(values) for values in (gold_N, *systems_SN)]
    found = []
    for count in _blocks(resamples, pairs):
        # Pairs down and resamples across: sorting then moves whole rows.
        weights_NR = draw.multinomial(pairs, np.full(pairs, 1 / pairs), size=count).T.astype(float)
        gold_NR = gold.ranks(weights_NR)
        gold_NR -= (weights_NR * gold_NR).sum(axis=0) / pairs
        weighted_NR = weights_NR * gold_NR
        spread_R = (weighted_NR * gold_NR).sum(axis=0)
        found.append([system.correlations(weights_NR, weighted_NR, spread_R) for system in systems])
    return np.concatenate([np.stack(block, axis=1) for block in found])


def bootstrap_test(first_R: np.ndarray, second_R: np.ndarray) -> float:
    """Return the two-sided p-value of a paired bootstrap: twice how often the sign turns."""
    differences = first_R - second_R
    differences = differences[np.isfinite(differences)]
    if not differences.any():
        return 1.0
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(differences) + 1)))


def williams_test(first: float, second: float, between: float, n: int) -> float:
    """Return the two-sided p-value of Williams' test of two dependent correlations.

    Source: Williams 1959; Steiger 1980, equation 7 (R: psych::r.test).

    Args:
        first: correlation of the first system with the gold scores.
        second: correlation of the second system with the gold scores.
        between: correlation of the two systems.
        n: number of pairs, at least 4.
    """
    if n < 4:
        raise ValueError(f"Williams' test needs at least 4 pairs, got {n}")
    if first == second:
        return 1.0
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    below = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - between) ** 3
    t = (first - second) * math.sqrt((n - 1) * (1 + between) / below) if below > 0 else math.inf
    return float(2 * stats.t.sf(abs(t), n - 3))


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Return p-values times their number, at most 1; what is not a number stays so."""
    count = int(np.isfinite(p_values).sum())
    return [min(1.0, p * count) if math.isfinite(p) else p for p in p_values]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted step down (Holm 1979); what is not a number stays so."""
    values = np.asarray(p_values, dtype=float)
    adjusted = values.copy()
    order = [int(place) for place in np.argsort(values) if np.isfinite(values[place])]
    highest = 0.0
    for step, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - step) * float(values[place])))
        adjusted[place] = highest
    return [float(p) for p in adjusted]


class _Ranked:
    """Values in ascending order, with the groups of equal ones."""

    def __init__(self, values_N: np.ndarray) -> None:
        values_N = np.asarray(values_N)
        self._order = np.argsort(values_N, kind="stable")
        ascending = values_N[self._order]
        self._starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])
        sizes = np.diff(np.r_[self._starts, len(ascending)])
        self._group_of = np.repeat(np.arange(len(sizes)), sizes)
        self._place = self._group_of[np.argsort(self._order, kind="stable")]

    def ranks(self, weights_NR: np.ndarray) -> np.ndarray:
        """Return each pair's mean rank (N, R) when every pair counts as often as its weight."""
        middle_GR = self._middles(weights_NR[self._order])
        ranks: np.ndarray = middle_GR[self._place]
        return ranks

    def correlations(
        self, weights_NR: np.ndarray, gold_NR: np.ndarray, gold_spread_R: np.ndarray
    ) -> np.ndarray:
        """Return the weighted correlation of the ranks with others (R,); NaN where all are equal.

        Args:
            weights_NR: how often each pair counts.
            gold_NR: the other ranks, centred, times the weights.
            gold_spread_R: weighted sum of the squares of the other ranks.
        """
        weights_NR = weights_NR[self._order]
        ranks_NR = self._middles(weights_NR)
        if len(ranks_NR) < len(weights_NR):
            ranks_NR = ranks_NR[self._group_of]
        products_R = np.einsum("nr,nr->r", gold_NR[self._order], ranks_NR)
        weights_NR *= ranks_NR
        spread_R = np.einsum("nr,nr->r", weights_NR, ranks_NR)
        # The mean rank is the same in every resample.
        spread_R -= weights_NR.sum(axis=0) ** 2 / len(weights_NR)
        spread_R[spread_R < 1e-12 * len(weights_NR) ** 3] = 0  # equal ranks, but for rounding
        with np.errstate(invalid="ignore", divide="ignore"):
            found: np.ndarray = products_R / np.sqrt(spread_R * gold_spread_R)
        return found

    def _middles(self, sorted_NR: np.ndarray) -> np.ndarray:
        """Return the mean rank (G, R) of each group of equal values."""
        groups_GR = sorted_NR
        if len(self._starts) < len(sorted_NR):
            groups_GR = np.add.reduceat(sorted_NR, self._starts, axis=0)
        middle_GR = groups_GR.cumsum(axis=0)
        middle_GR -= groups_GR / 2
        return middle_GR


def _blocks(resamples: int, width: int) -> list[int]:
    most = max(1, CELLS_PER_BLOCK // max(1, width))
    whole, rest = divmod(resamples, most)
    return [most] * whole + ([rest] if rest else [])
