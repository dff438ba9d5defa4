"""The table of adaptive classification: what is right if texts leave early, and what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.sizes import grid_of
from starbench.stages.report.csv_file import check_names, read_csv_file, with_numbers
from starbench.stages.report.groups import system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.tables.formats import plain_table
from starbench.store.scores import EXIT_COLUMNS

COSTS = {"dims": "dims", "layers": "layers", "sizes": "multiply_adds"}
"""{chain: the column that its sizes are compared at equal cost by}"""
POLICIES = ("fixed", "threshold", "oracle")
HEAD = (
    "System",
    "Chain",
    "Up to",
    "Accuracy",
    "Fixed",
    "Gain",
    "Oracle",
    "Dims",
    "Dims read",
    "Layers",
    "M multiply-adds",
)
"""Columns of the Markdown and LaTeX versions."""
MEANS = ("accuracy", "dims", "dims_read", "layers", "multiply_adds")


def read_exits(path: Path, config: Config) -> pd.DataFrame:
    """Return what adaptive classification found, one row for each policy and largest size.

    Raises InputError, naming file and line, for other columns, unknown names, or no numbers.
    """
    table = read_csv_file(path, EXIT_COLUMNS, "results of adaptive classification")
    names: dict[str, Iterable[object]] = {
        "system": config.systems,
        "seed": config.seeds,
        "dataset": config.datasets,
        "chain": COSTS,
        "policy": POLICIES,
        "upto": [str(size) for size in grid_of(config.trained_sizes)],
    }
    check_names(table, path, names)
    return with_numbers(table, path, ["seed", "texts"], list(MEANS))


def exits_tables(found: pd.DataFrame, config: Config, manifest: str = "") -> dict[str, str]:
    """Return the table as {csv, md, tex}: the CSV as it was found, the others its means.

    Means are over the datasets and the seeds. `Fixed` is the best that fixed sizes of the chain
    give at the same cost, if each serves some of the texts (see `at_equal_cost`).
    """
    rows = [
        [
            system_name(config, system),
            chain,
            _named(config, str(by.upto)),
            shorten(by.accuracy),
            shorten(by.fixed),
            shorten(by.accuracy - by.fixed),
            shorten(by.oracle),
            *(f"{value:.1f}" for value in (by.dims, by.dims_read, by.layers)),
            f"{by.multiply_adds / 1e6:.2f}",
        ]
        for system in config.shown_systems
        for chain, means in chains(found, system)
        for by in compared(chain, means).itertuples()
    ]
    return plain_table(found, HEAD, rows, manifest)


def chains(found: pd.DataFrame, system: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (chain, means over datasets and seeds) of a system, from the smallest size upwards."""
    own = found[found["system"] == system]
    for chain, rows in own.groupby("chain", sort=False):
        means = rows.groupby(["policy", "upto"], sort=False)[list(MEANS)].mean()
        yield str(chain), means.reset_index()


def compared(chain: str, means: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the thresholds, with what fixed sizes and the oracle give beside them."""
    cost = COSTS[chain]
    fixed = means[means["policy"] == "fixed"]
    oracle = means[means["policy"] == "oracle"].set_index("upto")["accuracy"]
    rows = means[means["policy"] == "threshold"]
    at_cost = [at_equal_cost(fixed[cost], fixed["accuracy"], value) for value in rows[cost]]
    return rows.assign(fixed=at_cost, oracle=oracle[rows["upto"]].to_numpy())


def at_equal_cost(costs: Iterable[float], values: Iterable[float], cost: float) -> float:
    """Return the best mean value of fixed sizes whose mean cost is no more than `cost`.

    One or two sizes serve the texts, each a share of them drawn at random; NaN if every size
    costs more.
    """
    found = [np.nan]
    points = list(zip(costs, values, strict=True))
    for small, low in points:
        if small <= cost * (1 + 1e-9):
            found.append(low)
            for large, high in points:
                if large > cost:
                    found.append(low + (high - low) * (cost - small) / (large - small))
    return float(np.nanmax(found)) if len(found) > 1 else np.nan


def _named(config: Config, size: str) -> str:
    return {str(named.size): config.size_label(named.size) for named in config.sizes}.get(
        size, size.removeprefix("n").replace("-d", "/")
    )
