"""Tables of `tables_in_docs` that say what trainings took and what sizes cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.sizes import layers_of
from starbench.stages.report.costs import read_costs
from starbench.stages.report.groups import system_name
from starbench.stages.report.tables.pareto import amount

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return a table of Markdown whose first columns are texts and whose others are numbers."""
    rule = "|" + "---|" * texts + "---:|" * (len(heads) - texts)
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return "".join(f"{line}\n" for line in (lines[0], rule, *lines[1:]))


def training(config: Config, _: pd.DataFrame, track: str) -> str:
    """Return what the trainings of each system took on a track, beside the compared system.

    All models of a system together, per seed.
    """
    manifest = json.loads((REFERENCE / config.run / "manifest.json").read_text(encoding="utf-8"))
    found = manifest["trainings"][track]
    compared = found[config.compared_system]
    rows = [
        [
            system_name(config, system),
            f"{took['models']:.0f}",
            f"{took['steps']:,.0f}",
            f"{took['seconds'] / 60:.1f}",
            f"{took['seconds'] / compared['seconds']:.2f}",
            f"{took['multiply_adds'] / 1e12:.1f}",
            f"{took['multiply_adds'] / compared['multiply_adds']:.2f}",
        ]
        for system, took in found.items()
    ]
    name = system_name(config, config.compared_system)
    heads = ["System", "Models", "Steps", "Minutes", f"× {name}", "10^12 multiply-adds"]
    return _table([*heads, f"× {name}"], rows)


def by_layers(config: Config, _: pd.DataFrame, track: str, system: str) -> str:
    """Return latency and throughput of a system's layers, by what runs them, with quartiles."""
    costs = read_costs(REFERENCE / config.run / "costs.csv", config)
    costs = costs[(costs["track"] == track) & (costs["system"] == system)]
    rows = []
    for runtime in dict.fromkeys(costs["runtime"][costs["runtime"] != ""]):
        for cost, what in COSTS.items():
            found = costs[(costs["runtime"] == runtime) & (costs["cost"] == cost)]
            if cost == "throughput":
                best = found.groupby("layers")["value"].idxmax()
                found = found.loc[best]
            scale = 1 if cost == "throughput" else 1e3
            numbers = found.sort_values("layers")[["value", "low", "high"]] * scale
            cells = [
                f"{amount(value)} ({amount(low)}–{amount(high)})"
                for value, low, high in numbers.itertuples(index=False)
            ]
            rows.append([runtime, what, *cells])
    layers = layers_of(config.trained_sizes)
    return _table(["Runtime", "What", *(f"{n}" for n in layers)], rows, 2)


COSTS = {
    "latency_p50": "p50, ms",
    "latency_p95": "p95, ms",
    "throughput": "texts a second, best batch",
}
"""What `by_layers` shows of `costs.csv`."""
