"""Reading scores: every row is checked, so that a table never shows what cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError, did_you_mean
from starbench.measures import range_of
from starbench.run.bits import scored_bits, stored_bits
from starbench.sizes import Size, grid_of
from starbench.stages.report.csv_file import (
    as_number,
    check_names,
    read_csv_file,
    with_numbers,
)
from starbench.stages.report.groups import Group
from starbench.store.scores import ADDED, BM25, COLUMNS

KEYS = ["system", "seed", "layers", "dim", "track", "dataset", "metric", "bits"]
ROUNDING = 1e-9
"""How far beyond 1 a correlation may be: sums in floating point are not exact."""


def read_scores(path: Path, config: Config) -> pd.DataFrame:
    """Return the scores of what is stored, and of BM25, of a run (see `read_all_scores`)."""
    return of_stored(read_all_scores(path, config), config)


def of_stored(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return those rows of scores or tests that are of vectors as they are stored, or of BM25."""
    return rows[_is_stored(rows, config)].reset_index(drop=True)


def of_fewer_bits(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return those rows of scores or tests that are of fewer bits a number than are stored."""
    return rows[~_is_stored(rows, config)].reset_index(drop=True)


def _is_stored(rows: pd.DataFrame, config: Config) -> pd.Series:
    stored = rows["track"].map({track: stored_bits(config, track) for track in config.tracks})
    return (rows["bits"] == "") | (rows["bits"] == stored)


def check_bits(rows: pd.DataFrame, path: Path, config: Config) -> None:
    """Raise InputError for the first row of a representation that its track does not have."""
    known = {
        track: {"", stored_bits(config, track), *scored_bits(config, track)}
        for track in config.tracks
    }
    for line, (track, bits) in enumerate(zip(rows["track"], rows["bits"], strict=True), start=2):
        if bits not in known[track]:
            hint = did_you_mean(bits, known[track])
            raise InputError(f"{path}:{line}: no bits '{bits}' of track {track}{hint}")


def read_all_scores(path: Path, config: Config) -> pd.DataFrame:
    """Return all scores of a run, those with fewer bits too, one row per number.

    A value may be NaN (the score of equal embeddings); it is shown as missing.

    Raises InputError, naming file and line, for a missing or unknown column, a row of another
    length, a system, seed, track, dataset or cell that the config does not have, a score that
    appears twice, or a value that is not a number or beyond [-1, 1].
    """
    scores = read_csv_file(path, COLUMNS, "scores", ADDED)
    if scores.empty:
        raise InputError(f"{path}: holds no scores, only the names of the columns")
    names: dict[str, Iterable[object]] = {
        "system": [*config.systems, *([BM25] if config.bm25_datasets else [])],
        "seed": config.seeds,
        "track": config.tracks,
        "dataset": config.datasets,
    }
    check_names(scores, path, names)
    check_bits(scores, path, config)
    _check_cells(scores, path, config)
    _check_numbers(scores, path)
    for line, twice in enumerate(scores.duplicated(KEYS), start=2):
        if twice:
            what = ", ".join(scores.loc[line - 2, KEYS])
            raise InputError(f"{path}:{line}: this score appears twice: {what}")
    # What has no size, as BM25, has 0 layers and 0 dimensions from here on.
    scores[["layers", "dim"]] = scores[["layers", "dim"]].replace("", "0")
    return with_numbers(scores, path, ["seed", "layers", "dim", "queries"], ["value"])


def _check_cells(scores: pd.DataFrame, path: Path, config: Config) -> None:
    cells = {(str(cell.layers), str(cell.dim), str(cell)) for cell in grid_of(config.trained_sizes)}
    found = zip(scores["system"], scores["layers"], scores["dim"], scores["size"], strict=True)
    for line, (system, layers, dim, size) in enumerate(found, start=2):
        valid = {("", "", "")} if system == BM25 else cells
        if (layers, dim, size) not in valid:
            raise InputError(
                f"{path}:{line}: layers '{layers}', dim '{dim}', size '{size}' is not a cell of "
                "the config's grid"
            )


def _check_numbers(scores: pd.DataFrame, path: Path) -> None:
    found = zip(scores["metric"], scores["value"], strict=True)
    for line, (metric, value) in enumerate(found, start=2):
        low, high = range_of(metric)
        if not _possible(value, low, high):
            between = f"between {low:g} and {high:g}"
            raise InputError(f"{path}:{line}: '{value}' is not a score {between}")
    for line, queries in enumerate(scores["queries"], start=2):
        if not (queries.isascii() and queries.isdecimal() and len(queries) < 16):
            raise InputError(f"{path}:{line}: '{queries}' is not a number of queries")


def _possible(value: str, low: float, high: float) -> bool:
    number = as_number(value)
    if number is None or math.isnan(number):
        return number is not None
    return low - ROUNDING <= number <= high + ROUNDING


def averages(scores: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return the mean over a group's datasets: columns system, seed, layers, dim, value.

    It is over the datasets that show the first one's metric. A cell without a score on every one
    of them has none: no average of other sets is comparable.
    """
    wide = by_dataset(scores, group)
    return wide.assign(value=wide[group.averaged].mean(axis=1, skipna=False))[
        ["system", "seed", "layers", "dim", "value"]
    ]


def by_dataset(scores: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return a group's scores: one column per dataset, a row for (system, seed, layers, dim)."""
    shown = scores["dataset"].map(group.metrics)
    chosen = scores[(scores["track"] == group.track) & (scores["metric"] == shown)]
    wide = chosen.pivot(
        index=["system", "seed", "layers", "dim"], columns="dataset", values="value"
    )
    return wide.reindex(columns=group.datasets).reset_index()


def at_size(table: pd.DataFrame, system: str, size: Size | None) -> pd.DataFrame:
    """Return the rows of one system at one size (None: it has no size), one a seed."""
    layers, dim = (size.layers, size.dim) if size else (0, 0)
    return table[(table["system"] == system) & (table["layers"] == layers) & (table["dim"] == dim)]
