"""Tables in the layout of the paper's A1 and A2: sizes by systems, datasets and their average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from starbench.config import Config
from starbench.reporting.collapse import collapsed
from starbench.reporting.groups import FLOOR, METRIC_NAMES, Group, has_floor, system_name
from starbench.reporting.scores import at_size, by_dataset
from starbench.sizes import Size

MISSING = "–"
AVERAGE = "Average"
OVER_SIZES = "all"
"""The size of rows that hold the mean over the sizes."""

DIGITS = 4
LONGEST_NAME = 36
"""Characters of a system's name in a terminal."""


@dataclass(frozen=True)
class Row:
    """One system at one size: mean and standard deviation over seeds of each column.

    `size` is None for what has no size (BM25), and `OVER_SIZES` for the mean over the sizes.
    """

    size: Size | str | None
    system: str
    means: list[float]
    deviations: list[float]


@dataclass(frozen=True)
class Table:
    """Some groups' table: one row for each size and system, one column a dataset or average."""

    columns: list[str]
    rows: list[Row]
    seeds: int
    headline: int = -1
    """The column that stands for the table where there is room for one only."""

    def best(self, row: Row, column: int) -> bool:
        """Whether the row's size has other systems in this column and none of them shows more."""
        shown = [shorten(other.means[column]) for other in self.rows if other.size == row.size]
        values = [text for text in shown if text != MISSING]
        mine = shorten(row.means[column])
        return len(values) > 1 and mine != MISSING and float(mine) == max(map(float, values))


def make_table(scores: pd.DataFrame, config: Config, groups: Sequence[Group]) -> Table:
    """Return the table of some groups: trained sizes by systems, in the order of the config.

    BM25 stands first where it was scored; the means over the sizes stand last.
    """
    parts = [_part(scores, config, group, len(groups) > 1) for group in groups]
    wide = parts[0]
    for part in parts[1:]:
        wide = wide.merge(part, on=KEYS, how="outer")
    columns = [column for column in wide.columns if column not in KEYS]
    rows = []
    if any(has_floor(config, group) for group in groups):
        rows.append(_row(None, FLOOR, at_size(wide, FLOOR, None)[columns]))
    for size in config.trained_sizes:
        for system in config.systems:
            rows.append(_row(size, system, at_size(wide, system, size)[columns]))
    for system in config.systems:
        every = [at_size(wide, system, size).set_index("seed") for size in config.trained_sizes]
        found = sum(table[columns] for table in every) / len(every)
        rows.append(_row(OVER_SIZES, system, found))
    last = len(groups[0].datasets)
    headline = last if len(columns) > last and columns[last].startswith(AVERAGE) else 0
    return Table(columns, rows, int(scores["seed"].nunique()), headline)


KEYS = ["system", "seed", "layers", "dim"]


def _part(scores: pd.DataFrame, config: Config, group: Group, among_others: bool) -> pd.DataFrame:
    """Return a group's columns, a row for (system, seed, layers, dim)."""
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
            if METRIC_NAMES.get(metric) is None:
                names[dataset] += f" {metric}"
        means = {f"{group.title.split()[0].capitalize()} {n.lower()}": m for n, m in means.items()}
    return wide.assign(**means).rename(columns=names)


def collapsing(scores: pd.DataFrame, config: Config, group: Group) -> list[str]:
    """Return the datasets of a group that collapse at some trained size of some system."""
    table = by_dataset(scores, group)
    found: set[str] = set()
    for system in config.systems:
        values = np.array(
            [
                at_size(table, system, size)[group.datasets].mean().to_numpy()
                for size in config.trained_sizes
            ]
        )
        found |= {
            dataset
            for dataset, falls in zip(group.datasets, collapsed(values).T, strict=True)
            if falls.any()
        }
    return [dataset for dataset in group.datasets if dataset in found]


def _row(size: Size | str | None, system: str, found: pd.DataFrame) -> Row:
    means, deviations = found.mean(skipna=False), found.std(ddof=1, skipna=False)
    return Row(size, system, means.tolist(), deviations.tolist())


def shorten(value: float, digits: int = DIGITS) -> str:
    """Return a score as the paper prints it: four decimals, no leading zero; a dash for none."""
    if math.isnan(value):
        return MISSING
    # Adding zero makes a zero of a negative one.
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def as_csv(table: Table, config: Config) -> str:
    """Return the table as CSV, unrounded, with standard deviations if there are several seeds."""
    several = table.seeds > 1
    deviations = [f"{column} std" for column in table.columns] if several else []
    rows = [
        [
            *_csv_size(config, row.size),
            system_name(config, row.system),
            *row.means,
            *(row.deviations if several else []),
        ]
        for row in table.rows
    ]
    columns = ["size", "layers", "dim", "system", *table.columns, *deviations]
    frame = pd.DataFrame(rows, columns=columns).astype({"layers": "Int64", "dim": "Int64"})
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _csv_size(config: Config, size: Size | str | None) -> list[object]:
    if isinstance(size, Size):
        return [config.size_label(size), size.layers, size.dim]
    return [size or "", None, None]


def as_markdown(table: Table, config: Config) -> str:
    """Return the table as Markdown, the best system of each size in bold."""
    head = [*_size_head(config, "n/d"), "System"]
    columns = [escaped(column, MARKDOWN) for column in table.columns]
    lines = [
        "| " + " | ".join([*head, *columns]) + " |",
        "|" + "---|" * len(head) + "---:|" * len(columns),
    ]
    for row in table.rows:
        cells = [
            f"**{text}**" if table.best(row, column) else text
            for column, text in enumerate(_cells(row, table))
        ]
        name = escaped(system_name(config, row.system), MARKDOWN)
        lines.append("| " + " | ".join([*_size_cells(config, row.size), name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def as_latex(table: Table, config: Config) -> str:
    """Return the table as a LaTeX tabular that needs the package booktabs."""
    head = [*_size_head(config, "$n/d$"), "System"]
    columns = [escaped(column, LATEX) for column in table.columns]
    lines = [
        r"\begin{tabular}{" + "l" * len(head) + "r" * len(columns) + "}",
        r"\toprule",
        " & ".join([*head, *columns]) + r" \\",
    ]
    previous: object = ""
    for row in table.rows:
        first = row.size != previous
        previous = row.size
        if first:
            lines.append(r"\midrule")
        cells = [
            rf"\textbf{{{text}}}" if table.best(row, column) else text.replace(MISSING, "--")
            for column, text in enumerate(_cells(row, table, r" $\pm$ "))
        ]
        name = escaped(system_name(config, row.system), LATEX)
        start = [text if first else "" for text in _size_cells(config, row.size)]
        lines.append(" & ".join([*start, name, *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def as_text(table: Table, config: Config, width: int = 100) -> str:
    """Return the headline column for a terminal: systems down, sizes across, the best starred.

    Sizes that do not fit into `width` characters stand in a second block.
    """
    floor = [row for row in table.rows if row.size is None]
    columns = [["", "", *(_short_name(config, system) for system in config.systems)]]
    columns[0] += [system_name(config, row.system) for row in floor]
    for size in dict.fromkeys(row.size for row in table.rows if isinstance(row.size, Size)):
        found = {row.system: row for row in table.rows if row.size == size}
        cells = [
            shorten(found[system].means[table.headline])
            + ("*" if table.best(found[system], table.headline) else " ")
            for system in config.systems
        ]
        cells += [shorten(row.means[table.headline]) + " " for row in floor]
        cut = f"{size.layers}/{size.dim}"
        label = config.size_label(size)
        columns.append(["" if label == cut else label, cut, *cells])
    room = width - _width(columns[0])
    across = max(1, room // (2 + max(map(_width, columns[1:]))))
    return "\n\n".join(
        _aligned([columns[0], *columns[start : start + across]])
        for start in range(1, len(columns), across)
    )


def _aligned(columns: list[list[str]]) -> str:
    first, *rest = columns
    padded = [[text.ljust(_width(first)) for text in first]]
    padded += [[text.rjust(_width(column) + 2) for text in column] for column in rest]
    lines = ["".join(parts) for parts in zip(*padded, strict=True)]
    return "\n".join(line for line in lines if line.strip())


def _width(column: list[str]) -> int:
    return max(map(len, column))


def _short_name(config: Config, system: str) -> str:
    name = system_name(config, system)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _size_head(config: Config, cut: str) -> list[str]:
    return ["Size", cut] if any(named.name for named in config.sizes) else [cut]


def _size_cells(config: Config, size: Size | str | None) -> list[str]:
    """Return name and cut of a size; sizes without any names have no column for them."""
    if isinstance(size, Size):
        cells = [config.size_label(size), f"{size.layers}/{size.dim}"]
    else:
        cells = [size or "", "mean" if size else ""]
    return cells[-len(_size_head(config, "")) :]


def _cells(row: Row, table: Table, between: str = " ± ") -> list[str]:
    return [
        shorten(mean)
        if table.seeds == 1 or math.isnan(deviation)
        else f"{shorten(mean)}{between}{shorten(deviation)}"
        for mean, deviation in zip(row.means, row.deviations, strict=True)
    ]


MARKDOWN = {character: f"\\{character}" for character in "\\|*_`<["}
"""What Markdown needs in place of characters that mean something to it."""

LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
"""What LaTeX needs in place of characters that mean something to it."""


def escaped(text: str, special: dict[str, str]) -> str:
    """Return a text on one line, with what means something to the format escaped."""
    return "".join(special.get(character, character) for character in " ".join(text.split()))
