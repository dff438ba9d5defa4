"""Small queries over large passages: what they keep of the score of queries of all layers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.config.escapes import in_markdown
from starbench.run.models import searched_asymmetrically
from starbench.sizes import dims_of, layers_of
from starbench.stages.report.csv_file import check_names, read_csv_file, with_numbers
from starbench.stages.report.groups import Group, groups_of, system_name
from starbench.stages.report.numbers import MISSING, shorten
from starbench.stages.report.results import Results
from starbench.stages.report.tables.bits import kept_share
from starbench.stages.report.tables.formats import plain_table
from starbench.store.scores import ASYMMETRIC_COLUMNS

HEAD = ["Average", "System", "Dims", "Query layers", "Passage layers", "Value", "Kept"]
"""Columns of the Markdown and LaTeX versions."""
KEYS = ["system", "seed", "track", "dataset", "query_layers", "passage_layers", "dim", "metric"]


def read_asymmetric(path: Path, config: Config) -> pd.DataFrame:
    """Return ``asymmetric.csv``, one row per number.

    Raises InputError, naming file and line, for other columns, unknown names, or no numbers.
    """
    table = read_csv_file(path, ASYMMETRIC_COLUMNS, "scores of small queries")
    names: dict[str, Iterable[object]] = {
        "system": config.systems,
        "seed": config.seeds,
        "track": config.tracks,
        "dataset": config.datasets,
        "query_layers": layers_of(config.trained_sizes),
        "passage_layers": layers_of(config.trained_sizes),
        "dim": dims_of(config.trained_sizes),
    }
    check_names(table, path, names)
    whole = ["seed", "query_layers", "passage_layers", "dim", "queries"]
    return with_numbers(table, path, whole, ["value"])


def asymmetric_groups(config: Config) -> list[Group]:
    """Return the groups that are searched with small queries."""
    return [group for group in groups_of(config) if config.tracks[group.track].asymmetric]


def asymmetric_systems(config: Config, group: Group) -> list[str]:
    """Return the shown systems that have one model of several numbers of layers."""
    found = searched_asymmetrically(config, group.track)
    return [system for system in config.shown_systems if system in found]


def layer_averages(results: Results, group: Group, system: str) -> pd.Series:
    """Return a system's averages by (dim, query layers, passage layers), equal layers too.

    The mean is over the group's datasets and the seeds; NaN where one of them has no score.
    """
    assert results.asymmetric is not None
    same = results.scores.assign(
        query_layers=results.scores["layers"], passage_layers=results.scores["layers"]
    )
    rows = pd.concat([results.asymmetric, same[[*KEYS, "value", "queries"]]])
    rows = rows[(rows["system"] == system) & (rows["track"] == group.track)]
    rows = rows[rows["metric"] == rows["dataset"].map(group.metrics)]
    rows = rows[rows["dataset"].isin(group.averaged)]
    means = rows.groupby(["dim", "query_layers", "passage_layers"])["value"]
    expected = len(group.averaged) * len(results.config.seeds)
    return means.mean().where(means.count() == expected)


def asymmetric_tables(results: Results) -> dict[str, str]:
    """Return the table as {csv, md, tex}: the CSV for every score, the others passages in full.

    `Kept` is the share of the score of queries with all layers, at the same dimensions.
    """
    assert results.asymmetric is not None
    config = results.config
    full = config.full_size.layers
    rows = []
    for group in asymmetric_groups(config):
        for system in asymmetric_systems(config, group):
            means = layer_averages(results, group, system)
            for dim in dims_of(config.shown_sizes):
                best = float(means.get((dim, full, full), float("nan")))
                for asked in layers_of(config.trained_sizes):
                    value = float(means.get((dim, asked, full), float("nan")))
                    name, of = system_name(config, system), group.shown(config)
                    numbers = [str(dim), str(asked), str(full)]
                    rows.append([of, name, *numbers, shorten(value), kept_share(value, best)])
    return plain_table(results.asymmetric, HEAD, rows, results.manifest_hash)


def asymmetric_summary(results: Results) -> list[str]:
    """Return the paragraphs and tables of a summary, at all dimensions."""
    if results.asymmetric is None:
        return []
    config, parts = results.config, []
    full, layers = config.full_size, layers_of(config.trained_sizes)
    for group in asymmetric_groups(config):
        shown = in_markdown(group.shown(config))
        parts.append(
            f"**{shown[0].upper()}{shown[1:]}**, passages of {full.layers} layers, "
            f"{full.dim} dimensions: the score of queries of all layers, and the share of it that "
            "queries of fewer layers keep."
        )
        lines = ["| System | " + " | ".join(_layers(n) for n in layers) + " |"]
        lines.append("|---|" + "---:|" * len(layers))
        for system in asymmetric_systems(config, group):
            means = layer_averages(results, group, system)
            values = [float(means.get((full.dim, n, full.layers), float("nan"))) for n in layers]
            cells = [kept_share(value, values[-1]) for value in values[:-1]]
            cells.append(shorten(values[-1]) if values[-1] == values[-1] else MISSING)
            name = in_markdown(system_name(config, system))
            lines.append("| " + " | ".join([name, *cells]) + " |")
        parts.append("\n".join(lines))
    return parts


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count > 1)}"
