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
        """Whether no other system of the row's size shows more in this column."""
        shown = [shorten(other.means[column]) for other in self.rows if other.size == row.size]
        values = [text for text in shown if text != MISSING]
        mine = shorten(row.means[column])
        return mine != MISSING and float(mine) == max(map(float, values))


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


def shorten(value: float) -> str:
    """Return a score as the paper prints it: four decimals, no leading zero; a dash for none."""
    if math.isnan(value):
        return MISSING
    text = f"{value:.{DIGITS}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def as_csv(table: Table, config: Config) -> str:
    """Return the table as CSV, unrounded, with standard deviations if there are several seeds."""
    frame = pd.DataFrame(
        [
            {
                "size": config.size_label(row.size),
                "layers": row.size.layers,
                "dim": row.size.dim,
                "system": config.display("systems", row.system),
                **dict(zip(table.columns, row.means, strict=True)),
                **(
                    dict(zip([f"{c} std" for c in table.columns], row.deviations, strict=True))
                    if table.seeds > 1
                    else {}
                ),
            }
            for row in table.rows
        ]
    )
    return frame.to_csv(index=False, lineterminator="\n")


def as_markdown(table: Table, config: Config) -> str:
    """Return the table as Markdown, the best system of each size in bold."""
    lines = [
        "| Size | n/d | System | " + " | ".join(table.columns) + " |",
        "|---|---|---|" + "---:|" * len(table.columns),
    ]
    for row in table.rows:
        cells = [
            f"**{text}**" if table.best(row, column) else text
            for column, text in enumerate(_cells(row, table))
        ]
        size = [config.size_label(row.size), f"{row.size.layers}/{row.size.dim}"]
        name = config.display("systems", row.system)
        lines.append("| " + " | ".join([*size, name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def as_latex(table: Table, config: Config) -> str:
    """Return the table as a LaTeX tabular that needs the package booktabs."""
    lines = [
        r"\begin{tabular}{lll" + "r" * len(table.columns) + "}",
        r"\toprule",
        " & ".join(["Size", "$n/d$", "System", *map(_escaped, table.columns)]) + r" \\",
    ]
    previous = None
    for row in table.rows:
        first = row.size != previous
        previous = row.size
        if first:
            lines.append(r"\midrule")
        size = [config.size_label(row.size), f"{row.size.layers}/{row.size.dim}"]
        cells = [
            rf"\textbf{{{text}}}" if table.best(row, column) else text.replace(MISSING, "--")
            for column, text in enumerate(_cells(row, table, r" $\pm$ "))
        ]
        name = config.display("systems", row.system)
        start = [_escaped(text) if first else "" for text in size]
        lines.append(" & ".join([*start, _escaped(name), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def as_text(table: Table, config: Config) -> str:
    """Return the averages for a terminal: systems down, sizes across, the best one starred."""
    sizes = list(dict.fromkeys(row.size for row in table.rows))
    head = ["", *(f"{config.size_label(s)}" for s in sizes)]
    second = ["", *(f"{s.layers}/{s.dim}" for s in sizes)]
    lines = [head] if head[1:] == second[1:] else [head, second]
    for system in config.systems:
        found = {row.size: row for row in table.rows if row.system == system}
        cells = [
            shorten(found[size].means[-1]) + ("*" if table.best(found[size], -1) else " ")
            for size in sizes
        ]
        lines.append([config.display("systems", system), *cells])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(
            "  " + cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)
        )
        for line in lines
    )


def _cells(row: Row, table: Table, between: str = " ± ") -> list[str]:
    return [
        shorten(mean)
        if table.seeds == 1 or math.isnan(deviation)
        else f"{shorten(mean)}{between}{shorten(deviation)}"
        for mean, deviation in zip(row.means, row.deviations, strict=True)
    ]


LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
"""What LaTeX needs in place of characters that mean something to it."""


def _escaped(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)
