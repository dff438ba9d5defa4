"""Whether two options differ by more than chance, from values by query or tests of the run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.run.models import Model, models_of
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.groups import Group
from starbench.stages.report.intervals import SURE, query_values
from starbench.stages.report.numbers import shorten
from starbench.stages.report.scores import of_stored
from starbench.stages.report.tables.marks import CORRECTIONS, chosen_tests, read_tests
from starbench.store.scores import BY_QUERY
from starbench.tracks import TRACKS


class Difference(NamedTuple):
    """What is known of the difference of two options."""

    known: str = ""
    """What it is, as a clause; empty where nothing was tested."""
    open: str = ""
    """What stays unknown of it, as a clause; empty where it is more than chance."""


def difference_of(
    config: Config, paths: RunPaths, group: Group, one: pd.Series, best: pd.Series
) -> Difference:
    """Return what is known of the difference of a group's averages of an option and the best one.

    Of rankings it is the interval of 95 % of the mean difference of single queries, where the run's
    folder has the values by query; else what ``significance.csv`` says of the two.
    """
    stored = bool(one["stored"] and best["stored"])
    if stored and TRACKS[group.track].searches:
        found = _paired(config, paths, group, one, best)
        if found is not None:
            mean, half = found
            told = f"difference to the best {shorten(mean, 3)} (95 %: {shorten(mean - half, 3)} to "
            told += f"{shorten(mean + half, 3)}), query by query"
            doubt = "whether the best is better at all: that interval includes 0"
            return Difference(told, "" if abs(mean) > half else doubt)
    tested = _tested(config, paths, group, one, best) if stored else None
    if tested is None:
        return Difference(open="whether the best is better by more than chance: it was not tested")
    significant, of = tested
    told = f"significantly different from the best on {significant} of {of} datasets"
    doubt = "whether the best is better at all where the difference is not significant"
    return Difference(told, "" if significant == of else doubt)


def _paired(
    config: Config, paths: RunPaths, group: Group, one: pd.Series, other: pd.Series
) -> tuple[float, float] | None:
    """Return the mean difference over a group's datasets and half its interval; None if unknown."""
    means, squares = [], []
    for dataset in group.averaged:
        left, right = (_values(config, paths, group, dataset, option) for option in (one, other))
        if left is None or right is None or len(differences := (left - right).dropna()) < 2:
            return None
        means.append(float(differences.mean()))
        squares.append(float(differences.var(ddof=1)) / len(differences))
    return float(np.mean(means)), SURE * float(np.sqrt(sum(squares))) / len(squares)


def _values(
    config: Config, paths: RunPaths, group: Group, dataset: str, option: pd.Series
) -> pd.Series | None:
    size = Size(int(option["layers"]), int(option["dim"]))
    model = _model(config, group.track, str(option["system"]), size)
    if model is None:
        return None
    folders: list[Path] = [
        paths.scores(group.track, model.name, seed) / dataset for seed in model.seeds
    ]
    if not all((folder / BY_QUERY).is_file() for folder in folders):
        return None
    return query_values(folders, group.metrics[dataset]).get((size.layers, size.dim))


def _model(config: Config, track: str, system: str, size: Size) -> Model | None:
    models = models_of(config, track)
    return next((model for model in models if (system, size) in model.scored()), None)


def _tested(
    config: Config, paths: RunPaths, group: Group, one: pd.Series, other: pd.Series
) -> tuple[int, int] | None:
    """Return on how many of the group's datasets two options differ significantly, if tested."""
    if not paths.significance.is_file() or not (one["stored"] and other["stored"]):
        return None
    tests = chosen_tests(of_stored(read_tests(paths.significance, config), config), config)
    tests = tests[tests["dataset"].isin(group.averaged) & (tests["track"] == group.track)]
    chosen = tests[_compares(tests, one, other) | _compares(tests, other, one)]
    if chosen.empty:
        return None
    below = chosen[CORRECTIONS[config.report.correction]] < config.report.level
    return int(below.sum()), len(group.averaged)


def _compares(tests: pd.DataFrame, one: pd.Series, other: pd.Series) -> pd.Series:
    """Return which tests are of one option against another."""
    columns = {"system": one, "layers": one, "dim": one}
    columns |= {"against": other, "against_layers": other, "against_dim": other}
    own = {"against": "system", "against_layers": "layers", "against_dim": "dim"}
    matches = [tests[name] == option[own.get(name, name)] for name, option in columns.items()]
    return pd.concat(matches, axis=1).all(axis=1)
