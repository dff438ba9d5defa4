"""`starbench advise`: the size of a finished run to serve within limits, and what is not known."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.errors import InputError, did_you_mean
from starbench.run.finished import CONFIG, opened_run
from starbench.run.paths import RunPaths
from starbench.stages.report.choice import Limits, losses, nearest, within
from starbench.stages.report.costs import read_costs
from starbench.stages.report.differences import Difference, difference_of
from starbench.stages.report.groups import Group, groups_of, system_name
from starbench.stages.report.intervals import standard_errors
from starbench.stages.report.numbers import shorten
from starbench.stages.report.options import EXACT_RUNTIMES, options_of
from starbench.stages.report.scores import of_stored, read_all_scores
from starbench.stages.report.tables.pareto import amount, interval
from starbench.store.checksums import check
from starbench.tracks import TRACKS

MOST_RUNNERS_UP = 3
FEWEST_SEARCHED = 1000
"""Passages whose search says something about that of many more."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    limits: Limits
    group: str | None = None
    """Name of the group of datasets whose average counts; None for the first that is searched."""
    runtime: str | None = None
    device: str | None = None
    """What will serve the model, in the words of the user."""


@dataclass(frozen=True)
class Found:
    """What is known of a run's sizes."""

    config: Config
    paths: RunPaths
    group: Group
    options: pd.DataFrame
    costs: pd.DataFrame
    asked: Asked

    def name(self, option: pd.Series) -> str:
        """Return an option in words: ``Starbucks at 2/32, 32 bits``."""
        system = system_name(self.config, option["system"])
        return f"{system} at {option['layers']}/{option['dim']}, {option['bits']} bits"


def advise_command(options: argparse.Namespace) -> None:
    """Print the advice; the options are those of the command line.

    Raises InputError for an index without its number of passages, and as `advise` does.
    """
    if options.index_gb is not None and options.passages is None:
        raise InputError("--index-gb needs --passages: how many vectors the index holds")
    limits = Limits(
        None if options.latency_ms is None else options.latency_ms / 1e3,
        None if options.index_gb is None else options.index_gb * 1e9,
        options.passages,
        options.loss,
    )
    asked = Asked(limits, options.on, options.runtime, options.device)
    config, paths = run_at(options.run, options.config or [], options.results)
    options.root = paths.root
    print(advise(config, paths, asked))


def run_at(
    run: str | None, configs: Sequence[Path], results: Path | None
) -> tuple[Config, RunPaths]:
    """Return a finished run by its folder, by its name below a folder of runs, or by its config.

    Raises InputError for a run that is not there, or not just one of `run` and `configs`.
    """
    if (run is None) == (not configs):
        raise InputError("advise needs --run, the folder or name of a run, or --config")
    if run is None:
        config = load_config(*configs)
        return config, RunPaths.of(config, results)
    by_name = (results or Path("results")) / run
    for folder in (Path(run), by_name):
        if (folder / CONFIG).is_file():
            return opened_run(folder)
    raise InputError(f"no run at {run} or {by_name}: neither has a {CONFIG}; give --config")


def advise(config: Config, paths: RunPaths, asked: Asked) -> str:
    """Return which size to take, the runners-up, why, and what cannot be told.

    Raises InputError for a run without scores or costs, a group or runtime that it does not have,
    and for limits that nothing is within: the message names what is nearest.
    """
    found = _found(config, paths, asked)
    kept = within(found.options, asked.limits)
    if kept.empty:
        raise InputError(_nothing(found))
    chosen, best = kept.iloc[0], found.options.loc[found.options["quality"].idxmax()]
    differing = Difference()
    if chosen.name != best.name:
        differing = difference_of(config, paths, found.group, chosen, best)
    parts = [
        [f"{found.group.shown(config)}, in the run '{config.run}'"],
        [f"Take {found.name(chosen)}:", *_facts(found, chosen), *filter(None, [differing.known])],
        ["Why:", *_why(found, kept, chosen)],
        ["Runners-up:", *(_line(found, kept.iloc[n]) for n in _others(kept))],
        ["Not known:", *_unknown(found, chosen, differing)],
    ]
    return "\n\n".join("\n  ".join(part) for part in parts if len(part) > 1 or part is parts[0])


def _found(config: Config, paths: RunPaths, asked: Asked) -> Found:
    if not paths.all_costs.is_file():
        raise InputError(
            f"no costs at {paths.all_costs}: add a section `measure` to the config and run "
            "snakemake, or starbench measure"
        )
    check(paths.all_scores, "starbench evaluate collect")
    check(paths.all_costs, "starbench measure collect")
    scores, costs = read_all_scores(paths.all_scores, config), read_costs(paths.all_costs, config)
    group = _group(config, costs, asked.group)
    timed = sorted(set(costs["runtime"]) - {""})
    if asked.runtime is not None and asked.runtime not in timed:
        hint = did_you_mean(asked.runtime, timed)
        raise InputError(f"--runtime: the run was not measured with '{asked.runtime}'{hint}")
    runtimes = EXACT_RUNTIMES if asked.runtime is None else (asked.runtime,)
    errors = standard_errors(config, paths, of_stored(scores, config), group)
    options = options_of(scores, costs, errors, config, group, runtimes)
    if options.empty:
        raise InputError(f"{paths.all_scores} has no scores of {group.title}")
    return Found(config, paths, group, options, costs, asked)


def _group(config: Config, costs: pd.DataFrame, name: str | None) -> Group:
    """Return the group that is asked for; InputError for one that is not there or not measured."""
    groups = {g.name: g for g in groups_of(config) if g.track in set(costs["track"])}
    if name is None:
        searched = [group for group in groups.values() if TRACKS[group.track].searches]
        return next(iter([*searched, *groups.values()]))
    if name not in groups:
        raise InputError(f"--on: no group '{name}' was measured{did_you_mean(name, groups)}")
    return groups[name]


def _facts(found: Found, option: pd.Series) -> Iterator[str]:
    limits = found.asked.limits
    sure = "" if np.isnan(option["low"]) else f" (95 %: {interval(option['low'], option['high'])})"
    best = found.options.loc[found.options["quality"].idxmax()]
    lost = float(losses(found.options)[option.name])
    yield f"{found.group.label} {shorten(option['quality'])}{sure}" + (
        ", the best of the run"
        if option.name == best.name
        else f", {lost:.1%} less than the best, {found.name(best)} ({shorten(best['quality'])})"
    )
    if not np.isnan(option["latency"]):
        spread = (f"{1e3 * option[name]:.3g}" for name in ("latency_low", "latency_high"))
        yield (
            f"latency {_ms(option['latency'])} a query (quartiles {' to '.join(spread)}; "
            f"{option['runtime']} on {option['device']}, {option['threads']:.0f} thread"
            f"{'' if option['threads'] == 1 else 's'})"
        )
    if limits.passages is not None and not np.isnan(option["index_bytes"]):
        size = limits.index_of(found.options)[option.name]
        yield f"index {_gb(size)} for {limits.passages:,.0f} passages"
    elif not np.isnan(option["index_bytes"]):
        yield f"index {amount(option['index_bytes'] / 1e6)} MB per million passages"
    if not np.isnan(option["multiply_adds"]):
        yield f"{amount(option['multiply_adds'] / 1e6)} million multiply-adds a query"


def _why(found: Found, kept: pd.DataFrame, chosen: pd.Series) -> Iterator[str]:
    limits = found.asked.limits
    told = "; ".join(_limits(limits)) or "no limits"
    are = "is" if len(kept) == 1 else "are"
    yield f"{len(kept)} of {len(found.options)} options {are} within the limits ({told})"
    used = limits.used(found.options).loc[chosen.name].drop("loss", errors="ignore")
    if limits.loss is None:
        yield "of these it scores most"
    elif len(used):
        yield (
            f"of these it uses least of its tightest limit: {used.max():.0%} of that on "
            f"{used.idxmax()}"
        )
    else:
        yield "of these it takes the fewest multiply-adds"


def _limits(limits: Limits) -> Iterator[str]:
    if limits.latency_s is not None:
        yield f"latency up to {_ms(limits.latency_s)}"
    if limits.index_bytes is not None:
        yield f"index up to {_gb(limits.index_bytes)}"
    if limits.loss is not None:
        yield f"loss up to {limits.loss:.1%}"


def _others(kept: pd.DataFrame) -> range:
    return range(1, min(len(kept), 1 + MOST_RUNNERS_UP))


def _line(found: Found, option: pd.Series) -> str:
    """Return an option and its costs in one line."""
    parts = [f"{found.group.label} {shorten(option['quality'])}"]
    if not np.isnan(option["latency"]):
        parts.append(_ms(option["latency"]))
    size = found.asked.limits.index_of(found.options)[option.name]
    if not np.isnan(size):
        parts.append(_gb(size))
    return f"{found.name(option)}: {', '.join(parts)}"


def _nothing(found: Found) -> str:
    """Return the error for limits that nothing is within."""
    limits = found.asked.limits
    told = ", ".join(_limits(limits))
    near = nearest(found.options, limits)
    if near is None:
        return f"nothing is known to be within {told}: what is limited was not measured"
    lost = float(losses(found.options)[near.name])
    return f"nothing is within {told}; nearest is {_line(found, near)}, loss {lost:.1%}"


def _unknown(found: Found, chosen: pd.Series, differing: Difference) -> Iterator[str]:
    yield from _about_device(found, chosen)
    yield from _about_bits(found)
    yield from filter(None, [differing.open])
    yield from _about_search(found, chosen)
    if found.asked.runtime not in (None, *EXACT_RUNTIMES):
        yield f"what {found.asked.runtime} scores: the score is that of float32 weights"
    yield "how sizes rank on your own data: the scores are those of this run's"


def _about_device(found: Found, chosen: pd.Series) -> Iterator[str]:
    asked = found.asked.device
    if np.isnan(chosen["latency"]):
        yield "the latency: it was not measured of this system"
        return
    device = str(chosen["device"])
    if asked is None:
        yield f"the latency on another device than {device}, with more threads or under load"
    elif asked.lower() not in device.lower():
        yield f"the latency on {asked}: it was measured on {device} alone"
    unmeasured = found.options["latency"].isna().sum()
    if unmeasured and found.asked.limits.latency_s is not None:
        yield f"{unmeasured} options whose latency was not measured are left out"


def _about_bits(found: Found) -> Iterator[str]:
    """Yield the numbers of bits that indexes were sized for and nothing was scored with."""
    stored = found.costs.loc[found.costs["cost"] == "index_bytes_per_million", "bits"]
    unscored = sorted({int(b) for b in stored} - set(found.options["bits"]), reverse=True)
    if unscored:
        told = ", ".join(map(str, unscored))
        yield f"what {told} bits would score: the run has no scores of them"


def _about_search(found: Found, chosen: pd.Series) -> Iterator[str]:
    passages = found.asked.limits.passages
    rows = found.costs[(found.costs["cost"] == "search") & (found.costs["dim"] == chosen["dim"])]
    rows = rows[(rows["system"] == chosen["system"]) & (rows["track"] == found.group.track)]
    if passages is None or rows.empty:
        return
    searched = int(rows["texts"].max())
    told = f"the time of the search itself: {searched:,} passages were searched"
    if searched >= FEWEST_SEARCHED:
        each = float((rows["value"] / rows["texts"]).mean())
        told += f", by which exact search in float32 adds at least {_ms(each * passages)} a query"
    yield f"{told}; approximate indexes were not measured, and take more than their vectors"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def _gb(count: float) -> str:
    return f"{count / 1e9:.3g} GB"
