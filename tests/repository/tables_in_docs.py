"""The tables of the docs that repeat numbers of `results/reference/`, made from its scores.

A comment before a table, or before a block of text, says what it shows:

    <!-- table: minilm-sts, by size, sts -->
    <!-- table: demo, as text, sts, seed 42 -->

These are a folder of `results/reference/`, a layout of `LAYOUTS`, and arguments of the layout. As
a program, this module writes all of them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.stages.report.groups import Group, groups_of
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.formats import as_headline_markdown, as_markdown, as_text
from starbench.stages.report.tables.table import Table, make_table

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"

TABLE = re.compile(
    r"<!-- table: (?P<what>[^>]*) -->\n+(?P<table>```\n.*?```|(?:\|[^\n]*\n?)+)", re.DOTALL
)


def pages() -> Iterator[Path]:
    """Yield the pages that have such tables."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *REFERENCE.glob("**/README.md")]:
        if TABLE.search(path.read_text(encoding="utf-8")):
            yield path


def with_tables(page: str) -> str:
    """Return a page with the tables that the scores give."""
    return TABLE.sub(
        lambda found: f"<!-- table: {found['what']} -->\n\n{table(found['what'])}", page
    )


def table(what: str) -> str:
    """Return what a comment asks for; with a line's end where it is a table of Markdown."""
    run, layout, *arguments = what.split(", ")
    config = load_config(REFERENCE / run / "config.yaml")
    scores = read_scores(REFERENCE / run / "scores.csv", config)
    return LAYOUTS[layout](config, scores, *arguments)


def _table(config: Config, scores: pd.DataFrame, group: str, seed: str = "") -> Table:
    if seed:
        scores = scores[scores["seed"] == int(seed.removeprefix("seed "))]
    return make_table(scores, config, [_group(config, group)])


def _group(config: Config, name: str) -> Group:
    return next(group for group in groups_of(config) if group.name == name)


def by_size(config: Config, scores: pd.DataFrame, *arguments: str) -> str:
    """Return systems down and sizes across, without the mean over the sizes."""
    lines = as_headline_markdown(_table(config, scores, *arguments), config).splitlines()
    cells = [line.strip("|").split("|")[:-1] for line in lines]
    return "".join("|" + "|".join(row) + "|\n" for row in cells)


def by_dataset(config: Config, scores: pd.DataFrame, *arguments: str) -> str:
    """Return sizes and systems down and datasets across, without the mean over the sizes."""
    lines = as_markdown(_table(config, scores, *arguments), config).splitlines()
    rows = [line for line in lines if line.startswith("|") and not line.startswith("| mean |")]
    return "".join(f"{row}\n" for row in rows)


def text(config: Config, scores: pd.DataFrame, *arguments: str) -> str:
    """Return what a terminal shows at the end of a run."""
    lines = as_text(_table(config, scores, *arguments), config).splitlines()
    return "\n".join(["```", *(line.rstrip() for line in lines), "```"])


LAYOUTS: dict[str, Callable[..., str]] = {
    "by size": by_size,
    "by dataset": by_dataset,
    "as text": text,
}


if __name__ == "__main__":
    for page in pages():
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
