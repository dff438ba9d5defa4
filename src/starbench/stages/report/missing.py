"""Which scores and costs are not there: each that the config asks for, and its file has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from starbench.config.config import Config
from starbench.run.costs import measured_models
from starbench.run.models import models_of
from starbench.stages.report.groups import groups_of, has_bm25
from starbench.store.scores import BM25

Key = tuple[str, int, int, int, str, str]
"""(system, seed, layers, dim, dataset, metric); what has no size has 0 layers and 0 dims."""


def missing_scores(scores: pd.DataFrame, config: Config) -> list[Key]:
    """Return the scores that tables show and `scores` has no row for, in the config's order."""
    columns = ["system", "seed", "layers", "dim", "dataset", "metric"]
    found = set(scores[columns].itertuples(index=False, name=None))
    return [key for key in _expected(config) if key not in found]


def _expected(config: Config) -> Iterator[Key]:
    for group in groups_of(config):
        cells = [
            (system, cell.layers, cell.dim)
            for model in models_of(config, group.track)
            for system, cell in model.scored()
        ]
        cells += [(BM25, 0, 0)] if has_bm25(config, group) else []
        for dataset, metric in group.metrics.items():
            for seed in config.seeds:
                for system, layers, dim in cells:
                    yield system, seed, layers, dim, dataset, metric


def missing_costs(costs: pd.DataFrame, config: Config) -> list[tuple[str, str]]:
    """Return the (system, track) that the config has measured and `costs` has no row for."""
    found = set(costs[["system", "track"]].itertuples(index=False, name=None))
    wanted = dict.fromkeys(
        (system, model.track) for model in measured_models(config) for system, _ in model.scored()
    )
    return [key for key in wanted if key not in found]


def by_place(missing: list[Key]) -> list[tuple[str, str, int]]:
    """Return (system, dataset, how many are missing), most first."""
    counts = Counter((system, dataset) for system, _, _, _, dataset, _ in missing)
    return [(system, dataset, count) for (system, dataset), count in counts.most_common()]
