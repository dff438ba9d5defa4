"""Tables as CSV, Markdown, LaTeX and text for a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import compress

import pandas as pd

from starbench.config.config import Config
from starbench.config.escapes import in_latex, in_markdown, one_line
from starbench.sizes import Size
from starbench.stages.report.groups import system_name
from starbench.stages.report.numbers import MISSING, shorten
from starbench.stages.report.tables.table import Row, Table

OVER_SIZES_LABEL = "mean"

LONGEST_NAME = 36
"""Characters of a system's name in a terminal."""


def as_csv(table: Table, config: Config) -> str:
    """Return the table as CSV, unrounded, with standard deviations if there are several seeds.

    `marked` lists the marked columns of a row, `manifest` is the hash of the run's manifest.
    """
    several = table.seeds > 1
    deviations = [f"{column} std" for column in table.columns] if several else []
    rows = [
        [
            *_csv_size(config, row.size),
            system_name(config, row.system),
            *row.means,
            *(row.deviations if several else []),
            "; ".join(compress(table.columns, row.marked)),
            table.manifest,
        ]
        for row in table.rows
    ]
    columns = ["size", "layers", "dim", "system", *table.columns, *deviations]
    columns += ["marked", "manifest"]
    frame = pd.DataFrame(rows, columns=columns).astype({"layers": "Int64", "dim": "Int64"})
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _csv_size(config: Config, size: Size | str | None) -> list[object]:
    if isinstance(size, Size):
        return [config.size_label(size), size.layers, size.dim]
    return [size or "", None, None]


def as_markdown(table: Table, config: Config) -> str:
    """Return the table as Markdown, the best system of each size in bold."""
    head = [*_size_head(config, "n/d"), "System"]
    columns = [in_markdown(column) for column in table.columns]
    lines = [
        "| " + " | ".join([*head, *columns]) + " |",
        "|" + "---|" * len(head) + "---:|" * len(columns),
    ]
    for row in table.rows:
        cells = [
            (f"**{text}**" if table.best(row, column) else text) + r"\*" * row.marked[column]
            for column, text in enumerate(_cells(row, table))
        ]
        name = in_markdown(system_name(config, row.system))
        lines.append("| " + " | ".join([*_size_cells(config, row.size), name, *cells]) + " |")
    notes = ["Bold: best of its size.", in_markdown(table.note)]
    text = "\n".join([*lines, "", " ".join(note for note in notes if note)]) + "\n"
    return text + manifest_line(table.manifest)


def plain_table(
    frame: pd.DataFrame, head: Sequence[str], rows: Sequence[Sequence[str]], manifest: str
) -> dict[str, str]:
    """Return a table as {csv, md, tex}: `frame` as CSV, `rows` of texts in the other two."""
    numbers = [all(_is_number(row[place]) for row in rows) for place in range(len(head))]
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + "".join("---:|" if number else "---|" for number in numbers))
    lines += ["| " + " | ".join(in_markdown(cell) for cell in row) + " |" for row in rows]
    columns = "".join("r" if number else "l" for number in numbers)
    latex = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        cells = [in_latex(cell).replace("→", r"$\rightarrow$") for cell in row]
        latex.append(" & ".join(cell.replace("−", "$-$") for cell in cells) + r" \\")
    notes = [f"Manifest: {manifest}."] if manifest else []
    return {
        "csv": str(frame.assign(manifest=manifest).to_csv(index=False, lineterminator="\n")),
        "md": "\n".join(lines) + "\n" + manifest_line(manifest),
        "tex": compilable([*latex, r"\bottomrule", r"\end{tabular}"], notes),
    }


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.]+( %)?|" + MISSING, text))


def manifest_line(manifest: str) -> str:
    """Return what is below a table in Markdown: the hash of the run's manifest."""
    return f"\nManifest: `{manifest}`.\n" if manifest else ""


def as_latex(table: Table, config: Config) -> str:
    """Return the table as LaTeX with booktabs (see `compilable`)."""
    head = [*_size_head(config, "$n/d$"), "System"]
    columns = [in_latex(column) for column in table.columns]
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
            (rf"\textbf{{{text}}}" if table.best(row, column) else text.replace(MISSING, "--"))
            + "*" * row.marked[column]
            for column, text in enumerate(_cells(row, table, r" $\pm$ "))
        ]
        name = in_latex(system_name(config, row.system))
        start = [text if first else "" for text in _size_cells(config, row.size)]
        lines.append(" & ".join([*start, name, *cells]) + r" \\")
    notes = ["Bold: best of its size.", table.note]
    notes += [f"Manifest: {table.manifest}."] if table.manifest else []
    return compilable([*lines, r"\bottomrule", r"\end{tabular}"], notes)


def compilable(tabular: Sequence[str], notes: Sequence[str] = ()) -> str:
    r"""Return a tabular as a file that compiles as it is, and can be read into a paper with \input.

    Within a paper, which has to load booktabs, all but the tabular is passed over.
    """
    return "\n".join(
        [
            *(f"% {one_line(note)}" for note in notes if note),
            r"\makeatletter",
            r"\ifx\documentclass\@twoclasseserror\let\tabularends\relax\else",
            r"\documentclass{article}",
            r"\usepackage[a2paper,landscape,margin=1cm]{geometry}\usepackage{booktabs}",
            r"\pagestyle{empty}\begin{document}\def\tabularends{\end{document}}",
            r"\fi\makeatother",
            *tabular,
            r"\tabularends",
            "",
        ]
    )


def as_text(table: Table, config: Config, width: int = 100) -> str:
    """Return the headline column for a terminal: systems down, sizes across, the best starred.

    Sizes that do not fit into `width` characters are in a second block.
    """
    without_size = [row for row in table.rows if row.size is None]
    columns = [["", "", *(_short_name(config, system) for system in config.shown_systems)]]
    columns[0] += [system_name(config, row.system) for row in without_size]
    for size in dict.fromkeys(row.size for row in table.rows if isinstance(row.size, Size)):
        found = {row.system: row for row in table.rows if row.size == size}
        cells = [
            shorten(found[system].means[table.headline])
            + ("*" if table.best(found[system], table.headline) else " ")
            for system in config.shown_systems
        ]
        cells += [shorten(row.means[table.headline]) + " " for row in without_size]
        cut = f"{size.layers}/{size.dim}"
        label = config.size_label(size)
        columns.append(["" if label == cut else label, cut, *cells])
    room = width - _width(columns[0])
    across = max(1, room // (2 + max(map(_width, columns[1:]))))
    return "\n\n".join(
        _aligned([columns[0], *columns[start : start + across]])
        for start in range(1, len(columns), across)
    )


def as_headline_markdown(table: Table, config: Config) -> str:
    """Return the headline column as Markdown: systems down, sizes across, the best in bold."""
    sizes = list(dict.fromkeys(row.size for row in table.rows if row.size is not None))
    labels = [OVER_SIZES_LABEL if isinstance(s, str) else config.size_label(s) for s in sizes]
    lines = ["| System | " + " | ".join(in_markdown(label) for label in labels) + " |"]
    lines.append("|---|" + "---:|" * len(sizes))
    for system in dict.fromkeys(row.system for row in table.rows):
        found = {row.size: row for row in table.rows if row.system == system}
        # BM25 has no size: it is the same at every one.
        rows = [found.get(size) or found[None] for size in sizes]
        cells = [
            f"**{text}**" if table.best(row, table.headline) else text
            for row in rows
            for text in [_cells(row, table)[table.headline]]
        ]
        name = in_markdown(system_name(config, system))
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


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
        cells = [size or "", OVER_SIZES_LABEL if size else ""]
    return cells[-len(_size_head(config, "")) :]


def _cells(row: Row, table: Table, between: str = " ± ") -> list[str]:
    return [
        shorten(mean)
        if table.seeds == 1 or math.isnan(deviation)
        else f"{shorten(mean)}{between}{shorten(deviation)}"
        for mean, deviation in zip(row.means, row.deviations, strict=True)
    ]
