"""Whether systems, and sizes of one system, differ: p-values of every dataset of the run."""

# S = systems at sizes, K = seeds, N = queries or pairs, R = resamples

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.machine.progress import Progress
from starbench.run.models import Model, models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.evaluate.significance import (
    bonferroni,
    bootstrap_spearman,
    bootstrap_test,
    holm,
    paired_t_test,
    randomisation_test,
    williams_test,
)
from starbench.store.arrays import load_array
from starbench.store.artifacts import opened
from starbench.store.checksums import written_with_checksum
from starbench.store.records import read_records
from starbench.store.scores import BY_QUERY, SIGNIFICANCE_COLUMNS, SIMILARITIES, STS_METRICS

AGAIN = "remove its folder and score again"

BEYOND_ANY_COSINE = 1.001
"""Cosines are computed in float32."""


class Entry(NamedTuple):
    """One row of a table: a system at a size."""

    system: str
    size: Size


Pair = tuple[Entry, Entry]


class Outcome(NamedTuple):
    """One comparison by one test."""

    difference: float
    p: float


Outcomes = dict[str, dict[Pair, Outcome]]
"""{test: {pair: outcome}}"""


def compare_systems(config: Config, paths: RunPaths) -> None:
    """Write ``significance.csv``: every comparison of the run by every test.

    At each trained size every system is compared with the compared one; corrections are over
    these systems. Each system's sizes are compared with each other; corrections are over these
    pairs. Values of several seeds are averaged: each query's before the tests of retrieval, the
    correlations before those of STS.
    """
    with (
        written_with_checksum(paths.significance) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(SIGNIFICANCE_COLUMNS)
        for track, section in config.tracks.items():
            models = _models(config, track)
            families = _families(config, models)
            with Progress(f"compare {track}", len(section.scored), "datasets") as progress:
                for dataset in section.scored:
                    writer.writerows(_rows(config, paths, track, dataset, models, families))
                    progress.step()


def _models(config: Config, track: str) -> dict[Entry, Model]:
    """Return which model gives a system's score at each trained size."""
    return {
        Entry(system, size): model
        for model in models_of(config, track)
        for system, size in model.scored()
        if size in config.trained_sizes
    }


def _families(config: Config, entries: Mapping[Entry, Model]) -> list[list[Pair]]:
    """Return the comparisons, those that are corrected together in one list."""
    against = config.compared_system
    by_size = [
        [
            (Entry(system, size), Entry(against, size))
            for system in config.systems
            if system != against
        ]
        for size in config.trained_sizes
    ]
    by_system = [
        [
            (Entry(system, small), Entry(system, large))
            for small, large in combinations(config.trained_sizes, 2)
        ]
        for system in config.systems
    ]
    known = [
        [pair for pair in family if pair[0] in entries and pair[1] in entries]
        for family in by_size + by_system
    ]
    return [family for family in known if family]


def _rows(
    config: Config,
    paths: RunPaths,
    track: str,
    dataset: str,
    models: Mapping[Entry, Model],
    families: Sequence[Sequence[Pair]],
) -> Iterator[tuple[object, ...]]:
    pairs = [pair for family in families for pair in family]
    if not pairs:
        return
    if track == "sts":
        metric = STS_METRICS[0]
        gold = np.asarray(read_records(paths.dataset(dataset))["score"])
        cosines = _cosines(config, paths, dataset, models, len(gold))
        found = compare_pairs(gold, cosines, pairs, config.report.resamples)
        count = len(gold)
    else:
        metric = config.datasets[dataset].metric
        values = _by_query(config, paths, dataset, metric, models)
        found, count = compare_queries(values, pairs, config.report.resamples)
    for test, outcomes in found.items():
        for family in families:
            p_values = [outcomes[pair].p for pair in family]
            corrected = zip(holm(p_values), bonferroni(p_values), strict=True)
            for (one, other), more in zip(family, corrected, strict=True):
                outcome = outcomes[one, other]
                entries = (*_named(one), *_named(other))
                tested = (outcome.difference, test, outcome.p, *more, count)
                yield (track, dataset, metric, *entries, *tested)


def _named(entry: Entry) -> tuple[str, int, int]:
    return entry.system, entry.size.layers, entry.size.dim


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


def compare_queries(
    values: Mapping[Entry, np.ndarray], pairs: Sequence[Pair], resamples: int
) -> tuple[Outcomes, int]:
    """Return the comparisons on one collection, and over how many queries they are.

    Args:
        values: the measure (N,) of each entry by query; NaN where a query does not count.
        pairs: what to compare.
        resamples: resamples of the randomisation test.
    """
    counted_N = np.all([np.isfinite(given) for given in values.values()], axis=0)
    kept = {entry: given[counted_N] for entry, given in values.items()}
    differences_CN = np.stack([kept[one] - kept[other] for one, other in pairs])
    flipped = randomisation_test(differences_CN, resamples=resamples)
    found: Outcomes = {"t-test": {}, "randomisation": {}}
    for pair, differences, p in zip(pairs, differences_CN, flipped, strict=True):
        difference = float(differences.mean())
        of_t = paired_t_test(kept[pair[0]], kept[pair[1]])
        found["t-test"][pair] = Outcome(difference, of_t)
        found["randomisation"][pair] = Outcome(difference, float(p))
    return found, int(counted_N.sum())


def _cosines(
    config: Config, paths: RunPaths, dataset: str, models: Mapping[Entry, Model], pairs: int
) -> dict[Entry, np.ndarray]:
    """Return the cosines (K, N) of each entry on so many pairs."""
    stored = {
        model.name: [
            _similarities(paths.scores("sts", model.name, seed) / dataset, len(model.cells), pairs)
            for seed in config.seeds
        ]
        for model in models.values()
    }
    return {
        entry: np.stack([seed[model.cells.index(entry.size)] for seed in stored[model.name]])
        for entry, model in models.items()
    }


def _by_query(
    config: Config, paths: RunPaths, dataset: str, metric: str, models: Mapping[Entry, Model]
) -> dict[Entry, np.ndarray]:
    """Return the measure (N,) of each entry by query, mean over the seeds."""
    tables = {
        model.name: [
            _measures(paths.scores("retrieval", model.name, seed) / dataset, metric, model.cells)
            for seed in config.seeds
        ]
        for model in models.values()
    }
    return {
        entry: np.mean([seed[_named(entry)[1:]] for seed in tables[model.name]], axis=0)
        for entry, model in models.items()
    }


def _similarities(folder: Path, cells: int, pairs: int) -> np.ndarray:
    """Return the cosines (cells, N) of one model's pairs."""
    opened(folder, "evaluate", [SIMILARITIES])
    path = folder / SIMILARITIES
    array = np.array(load_array(path))
    if array.shape != (cells, pairs) or array.dtype.kind != "f":
        raise InputError(
            f"{path} is an array of {array.dtype} {array.shape}, not {(cells, pairs)}: {AGAIN}"
        )
    if not (np.abs(array) < BEYOND_ANY_COSINE).all():
        raise InputError(f"{path} holds values that are no cosines: {AGAIN}")
    return array


def _measures(
    folder: Path, metric: str, cells: Sequence[Size]
) -> dict[tuple[int, int], np.ndarray]:
    """Return a measure by query of every cell, queries in the same order in every file."""
    opened(folder, "evaluate", [BY_QUERY])
    path = folder / BY_QUERY
    table = _table_in(path)
    if absent := [name for name in ("layers", "dim", "query", metric) if name not in table]:
        raise InputError(f"{path}: no column '{absent[0]}': {AGAIN}")
    if not pd.api.types.is_numeric_dtype(table[metric]):
        raise InputError(f"{path}: column '{metric}' holds something else than numbers: {AGAIN}")
    table = table.sort_values("query", kind="stable")
    by_cell = table.groupby(["layers", "dim"])
    expected = table["query"].drop_duplicates().tolist()
    found: dict[tuple[int, int], np.ndarray] = {}
    for (layers, dim), rows in by_cell:
        if rows["query"].tolist() != expected:
            raise InputError(f"{path}: n{layers}-d{dim} has not each query once: {AGAIN}")
        found[int(layers), int(dim)] = rows[metric].to_numpy()
    for cell in cells:
        if (cell.layers, cell.dim) not in found:
            raise InputError(f"{path}: no rows of {cell}: {AGAIN}")
    return found


def _table_in(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype={"query": str}, keep_default_na=False, na_values=["nan"])
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is no gzipped table ({reason[:100]}): {AGAIN}") from None


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
