"""Sizes as options: what each scores and what it costs, and which of them others beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from starbench.config.bits import BITS
from starbench.config.config import Config
from starbench.run.bits import stored_bits
from starbench.stages.report.groups import Group
from starbench.stages.report.intervals import SURE, Cell
from starbench.stages.report.scores import averages
from starbench.store.scores import BM25

KEYS = ["system", "layers", "dim", "bits"]
EXACT_RUNTIMES = ("torch", "onnx")
"""Runtimes that give the vectors which the run has scored."""


@dataclass(frozen=True)
class Axis:
    """A cost that quality is held against."""

    column: str
    title: str
    scale: float
    """What a value is multiplied by to be in the unit of the title."""
    short: str

    @property
    def front(self) -> str:
        """The column that says whether no other option is better without costing more."""
        return f"{self.short}_front"


AXES = (
    Axis("latency", "latency of a query, ms", 1e3, "latency"),
    Axis("index_bytes", "index, MB per million vectors", 1e-6, "index"),
    Axis("multiply_adds", "multiply-adds of a query, millions", 1e-6, "work"),
)


def options_of(
    scores: pd.DataFrame,
    costs: pd.DataFrame,
    errors: Mapping[Cell, float],
    config: Config,
    group: Group,
    runtimes: Sequence[str] = EXACT_RUNTIMES,
) -> pd.DataFrame:
    """Return every system of a group at every size and number of bits that is scored.

    Columns are system, layers, dim, bits of a number, whether those are what is stored, quality,
    low, high (an interval of 95 %, where it is known), latency in s with its quartiles, the runtime
    and the device that it is of, index_bytes of a million vectors, multiply_adds of a query, and
    for each axis whether the option is on its front. What was not measured is NaN.

    Args:
        scores: as `read_all_scores` gives them.
        costs: as `read_costs` gives them.
        errors: standard errors of averages of stored numbers.
        config: the run.
        group: whose averages are the quality.
        runtimes: of these the fastest is taken for each number of layers, on the device on which
            most was timed.
    """
    found = qualities(scores, config, group)
    found = found.merge(_latencies(costs, group.track, runtimes), "left", ["system", "layers"])
    found = found.merge(_index_bytes(costs, group.track), "left", ["system", "dim", "bits"])
    found["multiply_adds"] = _work(found, costs, group.track)
    cells = zip(found["system"], found["layers"], found["dim"], strict=True)
    found["stored"] = found["bits"] == BITS[stored_bits(config, group.track)]
    known = zip(cells, found["stored"], strict=True)
    half = np.array([SURE * errors.get(cell, np.nan) if kept else np.nan for cell, kept in known])
    found["low"], found["high"] = found["quality"] - half, found["quality"] + half
    for axis in AXES:
        found[axis.front] = front(found["quality"].to_numpy(), found[axis.column].to_numpy())
    return found[COLUMNS]


COLUMNS = [
    *KEYS,
    "stored",
    "quality",
    "low",
    "high",
    "latency",
    "latency_low",
    "latency_high",
    "runtime",
    "device",
    "threads",
    "index_bytes",
    "multiply_adds",
    *(axis.front for axis in AXES),
]


def qualities(scores: pd.DataFrame, config: Config, group: Group) -> pd.DataFrame:
    """Return a group's averages, mean over the seeds: system, layers, dim, bits, quality.

    Shortlists that are ranked again are left out: they keep two representations.
    """
    bits = scores["bits"].replace("", stored_bits(config, group.track)).map(BITS)
    scores = scores.assign(bits=bits)[(scores["system"] != BM25) & bits.notna()]
    parts = []
    for number, part in scores.groupby("bits"):
        means = averages(part.drop(columns="bits"), group)
        means = means.groupby(["system", "layers", "dim"], as_index=False)["value"].mean()
        parts.append(means.assign(bits=int(number)))
    found = pd.concat(parts).rename(columns={"value": "quality"})
    shown = found["system"].isin(config.shown_systems) & found["quality"].notna()
    return found[shown].sort_values(KEYS, ignore_index=True)


def main_device(costs: pd.DataFrame) -> str:
    """Return the device on which most was timed; empty where nothing was."""
    timed = costs.loc[costs["cost"] == "latency_p50", "device"]
    return str(timed.mode().iloc[0]) if len(timed) else ""


def _latencies(costs: pd.DataFrame, track: str, runtimes: Sequence[str]) -> pd.DataFrame:
    """Return the fastest runtime's latency of each (system, layers), mean over the datasets."""
    columns = ["latency", "latency_low", "latency_high", "runtime", "device", "threads"]
    chosen = costs[
        (costs["cost"] == "latency_p50")
        & (costs["track"] == track)
        & costs["runtime"].isin(runtimes)
    ]
    if chosen.empty:
        types = dict.fromkeys(["layers", *columns], float) | {"runtime": object, "device": object}
        return pd.DataFrame(columns=["system", "layers", *columns]).astype(types)
    chosen = chosen[chosen["device"] == main_device(chosen)]
    by = ["system", "layers", "runtime", "device", "threads"]
    means = chosen.groupby(by, as_index=False)[["value", "low", "high"]].mean()
    names = {"value": "latency", "low": "latency_low", "high": "latency_high"}
    fastest = means.sort_values("value").drop_duplicates(["system", "layers"])
    return fastest.rename(columns=names)


def _index_bytes(costs: pd.DataFrame, track: str) -> pd.DataFrame:
    chosen = costs[(costs["cost"] == "index_bytes_per_million") & (costs["track"] == track)]
    # A system with a model for each cell has the same dims several times.
    once = chosen.drop_duplicates(["system", "dim", "bits"])
    return once[["system", "dim", "bits", "value"]].rename(columns={"value": "index_bytes"})


def _work(found: pd.DataFrame, costs: pd.DataFrame, track: str) -> pd.Series:
    """Return the multiply-adds of a query: of encoding it, and of exact search where there is one.

    Both are means over the datasets that were measured.
    """
    of_track = costs[costs["track"] == track]
    encoded = of_track[(of_track["cost"] == "multiply_adds") & (of_track["part"] != "passages")]
    searched = of_track[of_track["cost"] == "search_multiply_adds"]
    by_layer = encoded.groupby(["system", "layers"])["value"].mean()
    by_dim = searched.groupby(["system", "dim"])["value"].mean()
    encoding = by_layer.reindex(pd.MultiIndex.from_frame(found[["system", "layers"]])).to_numpy()
    if by_dim.empty:
        return pd.Series(encoding, found.index)
    search = by_dim.reindex(pd.MultiIndex.from_frame(found[["system", "dim"]])).to_numpy()
    return pd.Series(encoding + search, found.index)


def front(quality: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return which options no other one beats: at least as good, at most as dear, not both equal.

    Both arrays are (options,); an option without a quality or cost is not on the front.
    """
    known = np.isfinite(quality) & np.isfinite(cost)
    quality, cost = np.where(known, quality, -np.inf), np.where(known, cost, np.inf)
    as_good, as_cheap = quality[:, None] >= quality, cost[:, None] <= cost
    better = (quality[:, None] > quality) | (cost[:, None] < cost)
    beaten = (as_good & as_cheap & better).any(axis=0)
    return known & ~beaten
