"""Comparing systems on a collection: tests of the measures of single queries."""

# C = comparisons, N = queries

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.run.models import Model
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.evaluate.entries import AGAIN, Entry, Outcome, Outcomes, Pair, scores_of
from starbench.stages.evaluate.significance import paired_t_test, randomisation_test
from starbench.store.artifacts import opened
from starbench.store.scores import BY_QUERY, of_bits


def compare(
    config: Config,
    paths: RunPaths,
    dataset: str,
    models: Mapping[Entry, Model],
    pairs: Sequence[Pair],
) -> tuple[Outcomes, int]:
    """Return the comparisons on one collection, and over how many queries they are."""
    metric = config.datasets[dataset].metric
    values = _by_query(config, paths, dataset, metric, models)
    return compare_queries(values, pairs, config.report.resamples)


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


def _by_query(
    config: Config, paths: RunPaths, dataset: str, metric: str, models: Mapping[Entry, Model]
) -> dict[Entry, np.ndarray]:
    """Return the measure (N,) of each entry by query, mean over the seeds."""
    of_models = {(model.name, entry.bits): model for entry, model in models.items()}
    tables = {
        (name, bits): [
            _measures(
                scores_of(paths, model, seed, bits) / dataset,
                of_bits(BY_QUERY, bits),
                metric,
                model.cells,
            )
            for seed in model.seeds
        ]
        for (name, bits), model in of_models.items()
    }
    return {
        entry: np.mean(
            [seed[entry.size.layers, entry.size.dim] for seed in tables[model.name, entry.bits]],
            axis=0,
        )
        for entry, model in models.items()
    }


def _measures(
    folder: Path, file: str, metric: str, cells: Sequence[Size]
) -> dict[tuple[int, int], np.ndarray]:
    """Return a measure by query of every cell, queries in the same order in every file."""
    opened(folder, "evaluate", [file])
    path = folder / file
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
        raise InputError(f"{path} is not a gzipped table ({reason[:100]}): {AGAIN}") from None
