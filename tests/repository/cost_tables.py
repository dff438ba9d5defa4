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
from starbench.stages.report.numbers import shorten
from starbench.stages.report.options import AXES, options_of
from starbench.stages.report.results import Results
from starbench.stages.report.scores import of_fewer_bits, of_stored, read_all_scores
from starbench.stages.report.tables.asymmetric import layer_averages, read_asymmetric
from starbench.stages.report.tables.bits import bytes_per_vector, kept_share, mean_by_bits
from starbench.stages.report.tables.marks import Marks
from starbench.stages.report.tables.pareto import amount
from tests.repository.numbers_in_docs import group_named

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return a table of Markdown whose first columns are texts and whose others are numbers."""
    rule = "|" + "---|" * texts + "---:|" * (len(heads) - texts)
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return "".join(f"{line}\n" for line in (lines[0], rule, *lines[1:]))


def _results(config: Config) -> Results:
    folder = REFERENCE / config.run
    scores = read_all_scores(folder / "scores.csv", config)
    pairs = folder / "asymmetric.csv"
    return Results(
        config,
        of_stored(scores, config),
        Marks(),
        coded=of_fewer_bits(scores, config),
        asymmetric=read_asymmetric(pairs, config) if pairs.is_file() else None,
    )


def training(config: Config, _: pd.DataFrame, track: str) -> str:
    """Return what the trainings of each system took on a track, and how many times the first's.

    All models of a system together, per seed; the last column is of the multiply-adds.
    """
    manifest = json.loads((REFERENCE / config.run / "manifest.json").read_text(encoding="utf-8"))
    found = manifest["trainings"][track]
    least = found[config.compared_system]
    rows = [
        [
            system_name(config, system),
            f"{took['models']:.0f}",
            f"{took['steps']:,.0f}",
            f"{took['seconds'] / 60:.1f}",
            f"{took['seconds'] / least['seconds']:.2f}",
            f"{took['multiply_adds'] / 1e12:.1f}",
            f"{took['multiply_adds'] / least['multiply_adds']:.2f}",
        ]
        for system, took in found.items()
    ]
    name = system_name(config, config.compared_system)
    heads = ["System", "Models", "Steps", "Minutes", f"× {name}", "10^12 multiply-adds"]
    return _table([*heads, f"× {name}"], rows)


def small_queries(config: Config, _: pd.DataFrame, group: str) -> str:
    """Return what queries of fewer layers keep, over passages of all layers and dimensions."""
    results, full = _results(config), config.full_size
    layers = layers_of(config.trained_sizes)
    rows = []
    for system in config.shown_systems:
        means = layer_averages(results, group_named(config, group), system)
        values = [float(means.get((full.dim, n, full.layers), float("nan"))) for n in layers]
        if values[0] == values[0]:
            kept = [kept_share(value, values[-1]) for value in values[:-1]]
            rows.append([system_name(config, system), *kept, shorten(values[-1])])
    return _table(["Layers of queries", *map(str, layers)], rows)


def by_bits(config: Config, _: pd.DataFrame, group: str, system: str) -> str:
    """Return what a system keeps with each representation, at each trained size."""
    results, sizes = _results(config), config.shown_sizes
    found = [mean_by_bits(results, group_named(config, group), system, size) for size in sizes]
    stored = next(iter(found[0]))
    rows = []
    for bits in found[0]:
        cells = [
            shorten(means[bits]) if bits == stored else kept_share(means[bits], means[stored])
            for means in found
        ]
        rows.append([bits, str(bytes_per_vector(bits, config.full_size.dim)), *cells])
    heads = ["Bits", "Bytes at full size", *map(config.size_label, sizes)]
    return _table(heads, rows)


def fronts(config: Config, _: pd.DataFrame, group: str, short: str) -> str:
    """Return the options that no other one beats in a cost: `latency`, `index` or `work`."""
    folder = REFERENCE / config.run
    scores = read_all_scores(folder / "scores.csv", config)
    costs = read_costs(folder / "costs.csv", config)
    found = options_of(scores, costs, {}, config, group_named(config, group))
    (axis,) = (axis for axis in AXES if axis.short == short)
    kept = found[found[axis.front]].sort_values("quality", ascending=False)
    best = kept["quality"].max()
    rows = [
        [
            system_name(config, option["system"]),
            f"{option['layers']}/{option['dim']}",
            str(option["bits"]),
            shorten(option["quality"]),
            kept_share(option["quality"], best),
            *(amount(option[cost.column] * cost.scale) for cost in AXES),
        ]
        for option in kept.to_dict("records")
    ]
    heads = ["System", "Layers/dims", "Bits", "Score", "Of the best"]
    return _table([*heads, *(cost.title for cost in AXES)], rows)


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
