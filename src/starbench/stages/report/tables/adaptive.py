"""The table of adaptive retrieval: what each cascade of sizes costs and what it loses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.errors import InputError
from starbench.stages.report.csv_file import check_names, read_csv_file, with_numbers
from starbench.stages.report.groups import groups_of, system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.tables.formats import plain_table
from starbench.store.scores import ADAPTIVE_COLUMNS
from starbench.tracks import TRACKS

HEAD = ["System", "Cascade", "Metric", "Value", "Exact", "Lost", "Work", "Bytes"]
"""Columns of the Markdown and LaTeX versions: work and bytes are shares of exact search's."""


def read_adaptive(path: Path, config: Config) -> pd.DataFrame:
    """Return what adaptive retrieval found, one row per number.

    Raises InputError, naming file and line, for other columns, unknown names, or no numbers.
    """
    table = read_csv_file(path, ADAPTIVE_COLUMNS, "results of adaptive retrieval")
    names: dict[str, Iterable[object]] = {
        "system": config.systems,
        "seed": config.seeds,
        "dataset": config.datasets,
    }
    check_names(table, path, names)
    work = ["multiply_adds", "exact_multiply_adds", "bytes_read", "exact_bytes_read"]
    found = with_numbers(table, path, ["seed", "passages", *work], ["value", "exact"])
    for column in ("exact_multiply_adds", "exact_bytes_read"):
        for line, count in enumerate(found[column], start=2):
            if count < 1:
                raise InputError(f"{path}:{line}: {column} is 0: exact search reads something")
    return found


def adaptive_tables(found: pd.DataFrame, config: Config, manifest: str = "") -> dict[str, str]:
    """Return the table as {csv, md, tex}: the CSV for each dataset, the others their means.

    Means are over the datasets of a group and the seeds, of the metric that the group shows.
    """
    rows = [
        [
            system_name(config, system),
            _named(config, cascade),
            metric,
            shorten(chosen["value"].mean()),
            shorten(chosen["exact"].mean()),
            shorten((chosen["exact"] - chosen["value"]).mean()),
            _share(chosen["multiply_adds"].sum() / chosen["exact_multiply_adds"].sum()),
            _share(chosen["bytes_read"].sum() / chosen["exact_bytes_read"].sum()),
        ]
        for group in groups_of(config)
        if TRACKS[group.track].searches
        for metric in dict.fromkeys(group.metrics.values())
        for system in config.shown_systems
        for cascade, chosen in _cascades(found, system, metric, group.metrics)
    ]
    return plain_table(found, HEAD, rows, manifest)


def _cascades(
    found: pd.DataFrame, system: str, metric: str, metrics: dict[str, str]
) -> list[tuple[str, pd.DataFrame]]:
    datasets = [dataset for dataset, shown in metrics.items() if shown == metric]
    chosen = found[
        (found["system"] == system) & (found["metric"] == metric) & found["dataset"].isin(datasets)
    ]
    return [(str(name), part) for name, part in chosen.groupby("cascade", sort=False)]


def _named(config: Config, cascade: str) -> str:
    """Return a cascade by the names of its sizes."""
    names = {str(named.size): config.size_label(named.size) for named in config.sizes}
    parts = (_of_bits(part) for part in cascade.split(" -> "))
    return " → ".join(names.get(part, part) for part in parts)


def _of_bits(part: str) -> str:
    """Return a step of a funnel of bits, ``n4-d8-binary``, as ``4/8 binary``."""
    step = re.fullmatch(r"n(\d+)-d(\d+)-(\w+)", part)
    return f"{step[1]}/{step[2]} {step[3]}" if step else part


def _share(of: float) -> str:
    return f"{100 * of:.1f} %"
