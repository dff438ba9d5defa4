"""Tables in the layout of the paper's A1 and A2: sizes by systems, datasets and their average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from starbench.config.config import Config
from starbench.measures import label_of
from starbench.sizes import Size
from starbench.stages.report.collapse import collapsing
from starbench.stages.report.groups import Group, has_bm25
from starbench.stages.report.numbers import MISSING, shorten
from starbench.stages.report.scores import at_size, by_dataset
from starbench.stages.report.tables.marks import Marks
from starbench.store.scores import BM25

AVERAGE = "Average"
OVER_SIZES = "all"
"""The size of rows that hold the mean over the sizes."""

NO_MARKS = Marks()


@dataclass(frozen=True)
class Row:
    """One system at one size: mean and standard deviation over seeds of each column.

    `size` is None for what has no size (BM25), and `OVER_SIZES` for the mean over the sizes.
    """

    size: Size | str | None
    system: str
    means: list[float]
    deviations: list[float]
    marked: list[bool]


@dataclass(frozen=True)
class Table:
    """Some groups' table: one row for each size and system, one column per dataset or average."""

    columns: list[str]
    rows: list[Row]
    seeds: int
    headline: int = -1
    """The column that is shown where there is room for only one."""
    note: str = ""
    """What the marks mean; empty if there are none."""
    manifest: str = ""
    """Hash of the manifest of the run."""

    def best(self, row: Row, column: int) -> bool:
        """Whether the row's size has other systems in this column and none of them shows more."""
        shown = [shorten(other.means[column]) for other in self.rows if other.size == row.size]
        values = [text for text in shown if text != MISSING]
        mine = shorten(row.means[column])
        return len(values) > 1 and mine != MISSING and float(mine) == max(map(float, values))


def make_table(
    scores: pd.DataFrame,
    config: Config,
    groups: Sequence[Group],
    marks: Marks = NO_MARKS,
    manifest: str = "",
) -> Table:
    """Return the table of some groups: trained sizes by systems, in the order of the config.

    BM25 comes first where it was scored, and the means over the sizes last.
    """
    parts = [_part(scores, config, group, len(groups) > 1) for group in groups]
    wide = parts[0].wide
    for part in parts[1:]:
        wide = wide.merge(part.wide, on=KEYS, how="outer")
    columns = [column for column in wide.columns if column not in KEYS]
    named = [name for part in parts for name in part.marked_as]
    rows = []
    if any(has_bm25(config, group) for group in groups):
        rows.append(_row(None, BM25, at_size(wide, BM25, None)[columns], []))
    for size in config.shown_sizes:
        for system in config.shown_systems:
            marked = [(system, size, name) in marks.scores for name in named]
            rows.append(_row(size, system, at_size(wide, system, size)[columns], marked))
    for system in config.shown_systems:
        every = [at_size(wide, system, size).set_index("seed") for size in config.shown_sizes]
        found = sum(table[columns] for table in every) / len(every)
        rows.append(_row(OVER_SIZES, system, found, []))
    last = len(groups[0].datasets)
    headline = last if len(columns) > last and AVERAGE.lower() in columns[last].lower() else 0
    note = marks.note(group.track for group in groups)
    return Table(columns, rows, int(scores["seed"].nunique()), headline, note, manifest)


def average_of(group: Group) -> str:
    """Return what marks call a group's average, where they would name a dataset."""
    return f"average:{group.name}"


KEYS = ["system", "seed", "layers", "dim"]


class _Part(NamedTuple):
    """The columns of one group."""

    wide: pd.DataFrame
    """A row for (system, seed, layers, dim)."""
    marked_as: list[str]
    """What marks call each column: its dataset, or the group's average."""


def _part(scores: pd.DataFrame, config: Config, group: Group, among_others: bool) -> _Part:
    wide = by_dataset(scores, group)
    names = {dataset: config.display("datasets", dataset) for dataset in group.datasets}
    averages = {}
    if group.one_metric and len(group.datasets) > 1:
        averages[AVERAGE] = group.datasets
        falling = collapsing(scores, config, group)
        if falling and len(falling) < len(group.datasets) - 1:
            without = ", ".join(names[dataset] for dataset in falling)
            kept = [dataset for dataset in group.datasets if dataset not in falling]
            averages[f"{AVERAGE} without {without}"] = kept
    means = {name: wide[datasets].mean(axis=1, skipna=False) for name, datasets in averages.items()}
    if among_others or not group.one_metric:
        for dataset, metric in group.metrics.items():
            if label_of(metric) == metric:
                names[dataset] += f" {metric}"
    if among_others:
        means = {f"{group.short} {name[0].lower()}{name[1:]}": m for name, m in means.items()}
    tested = [average_of(group) if name == AVERAGE else "" for name in averages]
    return _Part(wide.assign(**means).rename(columns=names), [*group.datasets, *tested])


def _row(size: Size | str | None, system: str, found: pd.DataFrame, marked: Sequence[bool]) -> Row:
    means, deviations = found.mean(skipna=False), found.std(ddof=1, skipna=False)
    none = [False] * len(means)
    return Row(size, system, means.tolist(), deviations.tolist(), list(marked) or none)
