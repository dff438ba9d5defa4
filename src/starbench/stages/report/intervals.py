"""How exact a group's averages are: their standard errors over queries or pairs of texts."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.stages.report.groups import Group
from starbench.store.artifacts import opened
from starbench.store.scores import BY_QUERY
from starbench.tracks import TRACKS

SURE = 1.96
"""Standard errors on either side of a mean that make an interval of 95 %."""

Cell = tuple[str, int, int]
"""(system, layers, dims)"""


def standard_errors(
    config: Config, paths: RunPaths, scores: pd.DataFrame, group: Group
) -> dict[Cell, float]:
    """Return the standard error of the average of every cell whose single values are known.

    Datasets are taken to be independent samples; the spread over seeds is not in it. Of rankings
    the errors are those of means over queries, where the run's folder has the values by query. Of
    rank correlations they follow from the number of pairs (Bonett and Wright 2000, equation 4).
    """
    if TRACKS[group.track].searches:
        by_dataset = [_of_rankings(config, paths, group, name) for name in group.averaged]
    elif TRACKS[group.track].scores == "pairs":
        by_dataset = [_of_pairs(scores, group, name) for name in group.averaged]
    else:
        return {}
    known = set(by_dataset[0]).intersection(*by_dataset[1:])
    return {
        cell: float(np.sqrt(sum(found[cell] ** 2 for found in by_dataset)) / len(by_dataset))
        for cell in known
    }


def _of_pairs(scores: pd.DataFrame, group: Group, dataset: str) -> dict[Cell, float]:
    chosen = scores[(scores["dataset"] == dataset) & (scores["metric"] == group.metrics[dataset])]
    means = chosen.groupby(["system", "layers", "dim"])[["value", "queries"]].mean()
    found = {}
    for (system, layers, dim), (correlation, pairs) in zip(
        means.index, means.to_numpy(), strict=True
    ):
        if pairs > 3:
            in_z = np.sqrt((1 + correlation**2 / 2) / (pairs - 3))
            found[system, int(layers), int(dim)] = float((1 - correlation**2) * in_z)
    return found


def _of_rankings(config: Config, paths: RunPaths, group: Group, dataset: str) -> dict[Cell, float]:
    metric = group.metrics[dataset]
    found: dict[Cell, float] = {}
    for model in models_of(config, group.track):
        folders = [paths.scores(group.track, model.name, seed) / dataset for seed in model.seeds]
        if not all((folder / BY_QUERY).is_file() for folder in folders):
            continue
        errors = _over_queries(folders, metric)
        for system, size in model.scored():
            if (size.layers, size.dim) in errors:
                found[system, size.layers, size.dim] = errors[size.layers, size.dim]
    return found


def _over_queries(folders: list[Path], metric: str) -> dict[tuple[int, int], float]:
    """Return {(layers, dim): standard error of the mean over queries}, seeds averaged before."""
    values = query_values(folders, metric)
    return {
        cell: float(by_query.std(ddof=1) / np.sqrt(len(by_query)))
        for cell, by_query in values.items()
        if len(by_query) > 1
    }


def query_values(folders: list[Path], metric: str) -> dict[tuple[int, int], pd.Series]:
    """Return {(layers, dim): the measure by query, mean over seeds} of one model on a collection.

    Args:
        folders: the scores of the collection with each seed.
        metric: the measure; queries that it leaves out are left out.

    Raises InputError for a file whose bytes are not those that were written.
    """
    parts = []
    for folder in folders:
        opened(folder, "evaluate", [BY_QUERY])
        table = pd.read_csv(
            folder / BY_QUERY, dtype={"query": str}, keep_default_na=False, na_values=["nan"]
        )
        parts.append(table)
    every = pd.concat(parts).dropna(subset=[metric])
    means = every.groupby(["layers", "dim", "query"])[metric].mean()
    found: dict[tuple[int, int], pd.Series] = defaultdict(pd.Series)
    for (layers, dim), rows in means.groupby(level=["layers", "dim"]):
        found[int(layers), int(dim)] = rows.droplevel(["layers", "dim"])
    return dict(found)
