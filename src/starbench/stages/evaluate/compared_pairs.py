"""Comparing systems on pairs of texts: tests of the correlations with the gold scores."""

# K = seeds, N = pairs, S = systems at sizes, R = resamples

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.stages.evaluate.entries import AGAIN, Entry, Outcome, Outcomes, Pair, scores_of
from starbench.stages.evaluate.significance import (
    bootstrap_spearman,
    bootstrap_test,
    williams_test,
)
from starbench.store.arrays import load_array
from starbench.store.artifacts import opened
from starbench.store.records import read_records
from starbench.store.scores import SIMILARITIES, of_bits

BEYOND_ANY_COSINE = 1.001
"""Cosines are computed in float32."""


def compare(
    config: Config,
    paths: RunPaths,
    dataset: str,
    models: Mapping[Entry, Model],
    pairs: Sequence[Pair],
) -> tuple[Outcomes, int]:
    """Return the comparisons on one dataset of pairs, and over how many of them they are."""
    gold = np.asarray(read_records(paths.dataset(dataset))["score"])
    cosines = _cosines(config, paths, dataset, models, len(gold))
    return compare_pairs(gold, cosines, pairs, config.report.resamples), len(gold)


def compare_pairs(
    gold_N: np.ndarray,
    cosines: Mapping[Entry, np.ndarray],
    pairs: Sequence[Pair],
    resamples: int,
) -> Outcomes:
    """Return the comparisons on one STS dataset.

    Args:
        gold_N: the gold scores.
        cosines: the cosines (K, N) of each entry.
        pairs: what to compare.
        resamples: resamples of the bootstrap.
    """
    seeds = len(next(iter(cosines.values())))
    drawn = bootstrap_spearman(gold_N, np.concatenate(list(cosines.values())), 0, resamples)
    means_SR = drawn.reshape(len(drawn), len(cosines), seeds).mean(axis=2).T
    resampled = dict(zip(cosines, means_SR, strict=True))
    ranks = {entry: _unit_ranks(values_KN) for entry, values_KN in cosines.items()}
    gold_ranks = _unit_ranks(gold_N[None])
    own = {entry: _mean_correlation(ranks_KN, gold_ranks) for entry, ranks_KN in ranks.items()}
    found: Outcomes = {"bootstrap": {}, "williams": {}}
    for one, other in pairs:
        difference = own[one] - own[other]
        p = bootstrap_test(resampled[one], resampled[other])
        found["bootstrap"][one, other] = Outcome(difference, p)
        between = _mean_correlation(ranks[one], ranks[other])
        p = williams_test(own[one], own[other], between, len(gold_N))
        found["williams"][one, other] = Outcome(difference, p)
    return found


def _cosines(
    config: Config, paths: RunPaths, dataset: str, models: Mapping[Entry, Model], pairs: int
) -> dict[Entry, np.ndarray]:
    """Return the cosines (K, N) of each entry on so many pairs."""
    of_models = {(model.name, entry.bits): model for entry, model in models.items()}
    stored = {
        (name, bits): [
            _similarities(
                scores_of(paths, model, seed, bits) / dataset,
                of_bits(SIMILARITIES, bits),
                (len(model.cells), pairs),
            )
            for seed in model.seeds
        ]
        for (name, bits), model in of_models.items()
    }
    return {
        entry: np.stack([seed[model.cells.index(entry.size)] for seed in _repeated(config, found)])
        for entry, model in models.items()
        for found in [stored[model.name, entry.bits]]
    }


def _repeated(config: Config, found: list[np.ndarray]) -> list[np.ndarray]:
    """Return one array for each seed of the run; of a model that none changes, the same one."""
    return found * (len(config.seeds) // len(found))


def _similarities(folder: Path, file: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the cosines (cells, N) of one model's pairs."""
    opened(folder, "evaluate", [file])
    path = folder / file
    array = np.array(load_array(path))
    if array.shape != shape or array.dtype.kind != "f":
        raise InputError(f"{path} is an array of {array.dtype} {array.shape}, not {shape}: {AGAIN}")
    if not (np.abs(array) < BEYOND_ANY_COSINE).all():
        raise InputError(f"{path} holds values that are not cosines: {AGAIN}")
    return array


def _unit_ranks(values_KN: np.ndarray) -> np.ndarray:
    """Return the ranks of each row, centred and of unit length; NaN of equal values."""
    from scipy.stats import rankdata

    ranks = rankdata(values_KN, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        unit: np.ndarray = ranks / np.linalg.norm(ranks, axis=1, keepdims=True)
    return unit


def _mean_correlation(first_KN: np.ndarray, second_KN: np.ndarray) -> float:
    """Return the mean over seeds of the correlation of rows of unit ranks."""
    return float((first_KN * second_KN).sum(axis=1).mean())
