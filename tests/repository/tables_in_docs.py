"""The tables of the docs that repeat numbers of `results/reference/`, made from its scores.

A comment before a table, or before a block of text, says what it shows:

    <!-- table: minilm-sts, by size, sts -->
    <!-- table: demo, as text, sts, seed 42 -->
    <!-- table: banking77, by size, classification by probe_accuracy -->
    <!-- table: units, within 30m -->

These are a folder of `results/reference/`, a layout of `LAYOUTS`, and arguments of the layout; or
`units`, those of `starbench reproduce`. As a program, this module writes all of them anew, and the
numbers of `numbers_in_docs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.config.reading import load_config
from starbench.measures import label_of
from starbench.reproduce.choice import cost_of, minutes_of, time_shown
from starbench.reproduce.units import read_units, units_named
from starbench.sizes import Size
from starbench.stages.report.groups import system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.scores import at_size, averages, read_scores
from starbench.stages.report.tables.claims import verdicts
from starbench.stages.report.tables.exits import exits_tables, read_exits
from starbench.stages.report.tables.formats import as_headline_markdown, as_markdown, as_text
from starbench.stages.report.tables.marks import read_tests, significant
from starbench.stages.report.tables.table import Table, make_table
from tests.repository.cost_tables import by_layers, training
from tests.repository.numbers_in_docs import NUMBER, group_named, with_numbers

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"

TABLE = re.compile(
    r"<!-- table: (?P<what>[^>]*) -->\n+(?P<table>```\n.*?```|(?:\|[^\n]*\n?)+)", re.DOTALL
)


def pages() -> Iterator[Path]:
    """Yield the pages that have such tables, or numbers of `numbers_in_docs`."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *REFERENCE.glob("**/README.md")]:
        text = path.read_text(encoding="utf-8")
        if TABLE.search(text) or NUMBER.search(text):
            yield path


def with_tables(page: str) -> str:
    """Return a page with the tables that the scores give."""
    return TABLE.sub(
        lambda found: f"<!-- table: {found['what']} -->\n\n{table(found['what'])}", page
    )


def as_generated(page: str) -> str:
    """Return a page with the tables and the numbers that the results give."""
    return with_numbers(with_tables(page))


def table(what: str) -> str:
    """Return what a comment asks for; with a line's end where it is a table of Markdown."""
    run, layout, *arguments = what.split(", ")
    if run == "units":
        return of_units(layout)
    config = load_config(REFERENCE / run / "config.yaml")
    scores = read_scores(REFERENCE / run / "scores.csv", config)
    return LAYOUTS[layout](config, scores, *arguments)


def _table(config: Config, scores: pd.DataFrame, group: str, seed: str = "") -> Table:
    if seed:
        scores = scores[scores["seed"] == int(seed.removeprefix("seed "))]
    return make_table(scores, config, [group_named(config, group)])


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


def against(config: Config, scores: pd.DataFrame, name: str) -> str:
    """Return each system beside the compared one, at each size, over the datasets of a group.

    A cell is the difference of their averages, and on how many datasets it is significantly better
    (+) and worse (-) by the test and the correction of the config.
    """
    group, compared, sizes = group_named(config, name), config.compared_system, config.shown_sizes
    tests = read_tests(REFERENCE / config.run / "significance.csv", config)
    told = significant(tests, config)
    told = told[told["dataset"].isin(group.datasets) & (told["against"] == compared)]
    means = averages(scores, group)
    heads = " | ".join(config.size_label(size) for size in sizes)
    lines = [f"| System | {heads} |", "|---|" + "---:|" * len(sizes)]
    for system in config.shown_systems:
        if system == compared:
            continue
        cells = []
        for size in sizes:
            ours = at_size(means, compared, size)["value"].mean()
            difference = at_size(means, system, size)["value"].mean() - ours
            found = at_size(told, system, size)["difference"]
            sign = "+" if round(difference, 3) > 0 else ""
            counts = f"(+{(found > 0).sum()}/-{(found < 0).sum()})"
            cells.append(f"{sign}{shorten(difference, 3)} {counts}")
        lines.append(f"| {config.display('systems', system)} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def differences(config: Config, scores: pd.DataFrame, name: str, *pairs: str) -> str:
    """Return how far systems are above others (``a over b``) at each size, of each seed apart."""
    means = averages(scores, group_named(config, name))
    sizes = config.shown_sizes
    heads = " | ".join(config.size_label(size) for size in sizes)
    lines = [f"| Difference | Seed | {heads} |", "|---|---|" + "---:|" * len(sizes)]
    for left, right in (pair.split(" over ") for pair in pairs):
        shown = f"{system_name(config, left)} − {system_name(config, right)}"
        for seed in config.seeds:
            of_seed = means[means["seed"] == seed]
            values = [
                at_size(of_seed, left, size)["value"].item()
                - at_size(of_seed, right, size)["value"].item()
                for size in sizes
            ]
            cells = [f"{'+' if round(v, 3) > 0 else ''}{shorten(v, 3)}" for v in values]
            lines.append(f"| {shown} | {seed} | {' | '.join(cells)} |")
            shown = ""
    return "".join(f"{line}\n" for line in lines)


def claims(config: Config, scores: pd.DataFrame) -> str:
    """Return the paper's claims that the run has the systems for, and its verdict on each group."""
    asked = [verdict for verdict in verdicts(scores, config) if verdict.asked]
    groups = list(dict.fromkeys(verdict.where for verdict in asked))
    answers = {(verdict.claim, verdict.where): verdict.answer for verdict in asked}
    lines = [f"| Claim | {' | '.join(groups)} |", "|---|" + "---|" * len(groups)]
    for claim in dict.fromkeys(verdict.claim for verdict in asked):
        cells = [answers.get((claim, group), "not claimed") for group in groups]
        lines.append(f"| {claim} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def exits(config: Config, _: pd.DataFrame, chain: str, *systems: str) -> str:
    """Return adaptive classification over a chain of sizes, of some systems: means of the seeds."""
    found = read_exits(REFERENCE / config.run / "adaptive_classification.csv", config)
    chosen = found[(found["chain"] == chain) & found["system"].isin(systems)]
    lines = exits_tables(chosen, config)["md"].splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith("|"))


def known_values(config: Config, scores: pd.DataFrame, group: str, system: str, size: str) -> str:
    """Return the values that are known of a model at a size, beside those of the run."""
    units = units_named(read_units(), ["minilm-public", "minilm-public-retrieval"])
    known = {what: value for unit in units for what, value in unit.checks[0].values.items()}
    of_size = at_size(scores, system, Size(*map(int, size.split("/"))))
    lines = ["| dataset | measure | known | here | difference |", "|---|---|---:|---:|---:|"]
    for dataset in group_named(config, group).datasets:
        for row in of_size[of_size["dataset"] == dataset].itertuples():
            value = known.get(f"model {dataset} {row.metric}")
            if value is not None:
                sign = "+" if round(row.value - value, 4) > 0 else ""
                cells = [config.display("datasets", dataset), label_of(row.metric)]
                cells += [shorten(value), shorten(row.value), sign + shorten(row.value - value)]
                lines.append("| " + " | ".join(cells) + " |")
    return "".join(f"{line}\n" for line in lines)


def of_units(which: str) -> str:
    """Return the units of `starbench reproduce` that are chosen for a time, or all others.

    `which` is ``within 30m`` or ``beyond 30m``: where nothing that a unit needs is missing.
    """
    word, time = which.split(" ")
    chosen, spent = [], 0.0
    for unit in read_units():
        if unit.device == "processor" and spent + unit.minutes <= minutes_of(time):
            chosen.append(unit)
            spent += unit.minutes
    shown = [unit for unit in read_units() if (unit in chosen) == (word == "within")]
    lines = ["| unit | what is claimed | needs | cost |", "|---|---|---|---|"]
    for unit in shown:
        cells = [f"`{unit.name}`", unit.claim, ", ".join(unit.needs)]
        lines.append(f"| {' | '.join(cells)} | {cost_of(unit)}, {unit.cost_source} |")
    if word == "within":
        lines.append(f"| all | | | {time_shown(spent)} |")
    return "".join(f"{line}\n" for line in lines)


def seeds(config: Config, _: pd.DataFrame) -> str:
    """Return what ``seeds.csv`` has: seeds and systems down, datasets and sizes across."""
    kept = pd.read_csv(REFERENCE / config.run / "seeds.csv")
    columns = ["dataset", "layers", "dim"]
    wide = kept.pivot_table("value", ["seed", "system"], columns, sort=False)
    heads = []
    for place, (dataset, layers, dim) in enumerate(wide.columns):
        size = config.size_label(Size(layers, dim))
        first = place == 0 or wide.columns[place - 1][0] != dataset
        shown = "STS" if dataset == "sts-average" else config.display("datasets", dataset)
        heads.append(f"{shown} {size}" if first else size)
    best = wide.groupby("seed").transform("max")
    lines = [f"| seed | system | {' | '.join(heads)} |", "|---|---|" + "---:|" * len(heads)]
    for (seed, system), row in wide.iterrows():
        top = best.loc[(seed, system)]
        cells = [f"**{shorten(v)}**" if v == top[c] else shorten(v) for c, v in row.items()]
        lines.append(f"| {seed} | {config.display('systems', system)} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


LAYOUTS: dict[str, Callable[..., str]] = {
    "against": against,
    "by layers": by_layers,
    "by size": by_size,
    "by dataset": by_dataset,
    "claims": claims,
    "differences": differences,
    "as text": text,
    "exits": exits,
    "known values": known_values,
    "seeds": seeds,
    "training": training,
}


if __name__ == "__main__":
    for page in pages():
        page.write_text(as_generated(page.read_text(encoding="utf-8")), encoding="utf-8")
