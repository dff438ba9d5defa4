"""Choosing a size: what is within limits, which of that to take, and what is nearest to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from starbench.stages.report.options import KEYS


@dataclass(frozen=True)
class Limits:
    """What a size may cost and lose; None where there is no limit."""

    latency_s: float | None = None
    index_bytes: float | None = None
    passages: float | None = None
    """How many vectors the index holds."""
    loss: float | None = None
    """Share of the best option's score that may be lost."""

    def used(self, options: pd.DataFrame) -> pd.DataFrame:
        """Return how much of each limit the options use: 1 is all of it, a column for each limit.

        Args:
            options: as `options_of` gives them; NaN is what is not known.
        """
        columns = {}
        if self.latency_s is not None:
            columns["latency"] = options["latency"] / self.latency_s
        if self.index_bytes is not None:
            columns["index"] = self.index_of(options) / self.index_bytes
        if self.loss is not None:
            lost = losses(options)
            # Without any loss, the best option has used nothing of a limit of 0.
            columns["loss"] = lost / self.loss if self.loss else np.where(lost > 0, np.inf, 0.0)
        return pd.DataFrame(columns, index=options.index)

    def index_of(self, options: pd.DataFrame) -> pd.Series:
        """Return the bytes of the index of all passages, NaN without their number."""
        return options["index_bytes"] * (np.nan if self.passages is None else self.passages / 1e6)


def losses(options: pd.DataFrame) -> pd.Series:
    """Return the share of the best option's score that each option loses."""
    best = options["quality"].max()
    return (best - options["quality"]) / abs(best) if best else 0 * options["quality"]


def within(options: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Return the options within all limits, those to take first.

    With a limit on the loss it is the one that uses least of its tightest other limit, or without
    one the fewest multiply-adds: a loss that may be had is to save something. Else it is the one
    that scores most. Options of which a limited cost is not known are left out.
    """
    used = limits.used(options)
    kept = options[(used <= 1).all(axis=1)]
    spent = used.drop(columns="loss", errors="ignore").loc[kept.index]
    if limits.loss is None:
        order = pd.DataFrame({"first": -kept["quality"], "second": kept["multiply_adds"]})
    elif spent.empty or not len(spent.columns):
        order = pd.DataFrame({"first": kept["multiply_adds"], "second": kept["index_bytes"]})
    else:
        order = pd.DataFrame({"first": spent.max(axis=1), "second": kept["multiply_adds"]})
    order = pd.concat([order, kept[KEYS]], axis=1)
    return kept.loc[order.sort_values(list(order.columns)).index]


def nearest(options: pd.DataFrame, limits: Limits) -> pd.Series | None:
    """Return the option whose worst excess over a limit is least; None if no costs are known."""
    worst = limits.used(options).max(axis=1, skipna=False)
    return None if worst.isna().all() else options.loc[worst.idxmin()]
