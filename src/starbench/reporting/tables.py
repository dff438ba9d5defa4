"""Tables in the layout of the paper's Table A1: sizes by systems, datasets and their average."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from starbench.config import Config
from starbench.reporting.scores import at_size, by_dataset
from starbench.sizes import Size

MISSING = "–"
AVERAGE = "Average"
DIGITS = 4
LONGEST_NAME = 36
"""Characters of a system's name in a terminal."""


@dataclass(frozen=True)
class Row:
    """One system at one size: mean and standard deviation over seeds of each column."""

    size: Size
    system: str
    means: list[float]
    deviations: list[float]


@dataclass(frozen=True)
class Table:
    """A track's table: one row for each size and system, one column a dataset, then the average."""

    columns: list[str]
    rows: list[Row]
    seeds: int

    def best(self, row: Row, column: int) -> bool:
        """Whether the row's size has other systems in this column and none of them shows more."""
        shown = [shorten(other.means[column]) for other in self.rows if other.size == row.size]
        values = [text for text in shown if text != MISSING]
        mine = shorten(row.means[column])
        return len(values) > 1 and mine != MISSING and float(mine) == max(map(float, values))


def make_table(scores: pd.DataFrame, config: Config, track: str) -> Table:
    """Return the table of a track: trained sizes by systems, in the order of the config."""
    tasks = list(config.tracks[track].tasks)  # type: ignore[index]
    wide = by_dataset(scores, config, track)
    rows = []
    for size in config.trained_sizes:
        for system in config.systems:
            found = at_size(wide, system, size)[tasks]
            found = found.assign(**{AVERAGE: found.mean(axis=1, skipna=False)})
            means, deviations = found.mean(skipna=False), found.std(ddof=1, skipna=False)
            rows.append(Row(size, system, means.tolist(), deviations.tolist()))
    columns = [config.display("datasets", task) for task in tasks]
    return Table([*columns, AVERAGE], rows, int(scores["seed"].nunique()))


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
            config.size_label(row.size),
            row.size.layers,
            row.size.dim,
            config.display("systems", row.system),
            *row.means,
            *(row.deviations if several else []),
        ]
        for row in table.rows
    ]
    columns = ["size", "layers", "dim", "system", *table.columns, *deviations]
    return pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n")


def as_markdown(table: Table, config: Config) -> str:
    """Return the table as Markdown, the best system of each size in bold."""
    head = [*_size_head(config, "n/d"), "System"]
    columns = [_escaped(column, MARKDOWN) for column in table.columns]
    lines = [
        "| " + " | ".join([*head, *columns]) + " |",
        "|" + "---|" * len(head) + "---:|" * len(columns),
    ]
    for row in table.rows:
        cells = [
            f"**{text}**" if table.best(row, column) else text
            for column, text in enumerate(_cells(row, table))
        ]
        name = _escaped(config.display("systems", row.system), MARKDOWN)
        lines.append("| " + " | ".join([*_size_cells(config, row.size), name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def as_latex(table: Table, config: Config) -> str:
    """Return the table as a LaTeX tabular that needs the package booktabs."""
    head = [*_size_head(config, "$n/d$"), "System"]
    columns = [_escaped(column, LATEX) for column in table.columns]
    lines = [
        r"\begin{tabular}{" + "l" * len(head) + "r" * len(columns) + "}",
        r"\toprule",
        " & ".join([*head, *columns]) + r" \\",
    ]
    previous = None
    for row in table.rows:
        first = row.size != previous
        previous = row.size
        if first:
            lines.append(r"\midrule")
        cells = [
            rf"\textbf{{{text}}}" if table.best(row, column) else text.replace(MISSING, "--")
            for column, text in enumerate(_cells(row, table, r" $\pm$ "))
        ]
        name = _escaped(config.display("systems", row.system), LATEX)
        start = [text if first else "" for text in _size_cells(config, row.size)]
        lines.append(" & ".join([*start, name, *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def as_text(table: Table, config: Config, width: int = 100) -> str:
    """Return the averages for a terminal: systems down, sizes across, the best one starred.

    Sizes that do not fit into `width` characters stand in a second block.
    """
    columns = [["", "", *(_short_name(config, system) for system in config.systems)]]
    for size in dict.fromkeys(row.size for row in table.rows):
        found = {row.system: row for row in table.rows if row.size == size}
        cells = [
            shorten(found[system].means[-1]) + ("*" if table.best(found[system], -1) else " ")
            for system in config.systems
        ]
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
    name = config.display("systems", system)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _size_head(config: Config, cut: str) -> list[str]:
    return ["Size", cut] if any(named.name for named in config.sizes) else [cut]


def _size_cells(config: Config, size: Size) -> list[str]:
    """Return name and cut of a size; sizes without any names have no column for them."""
    return [config.size_label(size), f"{size.layers}/{size.dim}"][-len(_size_head(config, "")) :]


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


def _escaped(text: str, special: dict[str, str]) -> str:
    return "".join(special.get(character, character) for character in " ".join(text.split()))
