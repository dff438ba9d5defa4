"""Running the report: tables, figures and summary of a run, or of the paper's own numbers."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd

from starbench.config.config import Config
from starbench.machine.files import write_text
from starbench.run.paths import RunPaths
from starbench.stages.report.costs import read_costs
from starbench.stages.report.groups import groups_of
from starbench.stages.report.intervals import standard_errors
from starbench.stages.report.leakage import read_leakage
from starbench.stages.report.missing import missing_costs
from starbench.stages.report.options import options_of
from starbench.stages.report.products import (
    ADAPTIVE,
    ASYMMETRIC,
    BITS,
    CLAIMS,
    EXITS,
    PARETO,
    PUBLISHED,
    TABLE_FORMATS,
    drawn_products,
    has_claims,
    has_costs,
    replace_former,
    tables_of,
)
from starbench.stages.report.provenance import (
    coding,
    constants,
    losses,
    masked_losses,
    overrides,
    skipped_steps,
    titles,
    write_manifest,
)
from starbench.stages.report.results import Results
from starbench.stages.report.scores import (
    of_fewer_bits,
    of_stored,
    read_all_scores,
    read_scores,
)
from starbench.stages.report.summary import write_summary
from starbench.stages.report.tables.adaptive import adaptive_tables, read_adaptive
from starbench.stages.report.tables.asymmetric import asymmetric_tables, read_asymmetric
from starbench.stages.report.tables.bits import bits_groups, bits_tables
from starbench.stages.report.tables.claims import claims_table, verdicts
from starbench.stages.report.tables.exits import exits_tables, read_exits
from starbench.stages.report.tables.formats import as_csv, as_latex, as_markdown, as_text
from starbench.stages.report.tables.marks import Marks, marks_of, read_tests
from starbench.stages.report.tables.pareto import pareto_tables
from starbench.stages.report.tables.published import compare_with_paper, comparison_tables
from starbench.stages.report.tables.table import make_table
from starbench.store.checksums import check

COLLECT = "starbench evaluate collect"


def write_report(config: Config, paths: RunPaths, processes: int = 1) -> None:
    """Write every table and figure of the run, its manifest and its summary.

    Numbers come from ``scores.csv`` and the files of `_explaining`. Without one of the latter, what
    is made of it is left out, and the summary says so. Raises InputError for scores that cannot be
    right (see `read_scores`) or whose bytes have changed.
    """
    _check(paths)
    found = read_all_scores(paths.all_scores, config)
    absent = [path.name for path in _explaining(config, paths) if not path.is_file()]
    tests = None if paths.significance.name in absent else read_tests(paths.significance, config)
    here = [path for path in _explaining(config, paths) if path.is_file()]
    adaptive, exits, asymmetric, costs = (
        read(path, config) if path in here else None
        for path, read in (
            (paths.all_adaptive, read_adaptive),
            (paths.all_exits, read_exits),
            (paths.all_asymmetric, read_asymmetric),
            (paths.all_costs, read_costs),
        )
    )
    leakage = read_leakage(paths.leakage)
    told = (
        losses(config, paths),
        constants(config, paths),
        titles(config, paths),
        skipped_steps(config, paths),
        overrides(config, paths),
    )
    # All that is read is right by now: nothing is written where something is not.
    manifest, digits = write_manifest(config, paths)
    results = Results(
        config,
        of_stored(found, config),
        marks_of(of_stored(tests, config), config) if tests is not None else Marks(),
        of_stored(tests, config) if tests is not None else None,
        adaptive,
        exits,
        leakage,
        manifest,
        digits,
        *told,
        masked_losses=masked_losses(config, paths),
        coded=of_fewer_bits(found, config),
        coded_tests=of_fewer_bits(tests, config) if tests is not None else None,
        coding=coding(config, paths),
        asymmetric=asymmetric,
        options=_options(config, paths, found, costs),
        unmeasured=missing_costs(costs, config) if costs is not None else [],
        absent=absent,
    )
    write_products(results, paths, processes=processes)
    replace_former(paths.root, drawn_products(config, absent))


def _options(
    config: Config, paths: RunPaths, scores: pd.DataFrame, costs: pd.DataFrame | None
) -> dict[str, pd.DataFrame]:
    """Return {group: what its sizes score and cost}, of the groups whose sizes were measured."""
    if costs is None:
        return {}
    stored = of_stored(scores, config)
    return {
        group.name: options_of(
            scores, costs, standard_errors(config, paths, stored, group), config, group
        )
        for group in groups_of(config)
        if has_costs(config, group)
    }


def _explaining(config: Config, paths: RunPaths) -> list[Path]:
    """Return the files besides the scores that a report reads: without one it says less."""
    adaptive = [paths.all_adaptive] if config.tries_adaptive else []
    exits = [paths.all_exits] if config.tries_exits else []
    asymmetric = [paths.all_asymmetric] if config.tries_asymmetric else []
    measured = [paths.all_costs] if config.measure is not None else []
    return [paths.significance, *adaptive, *exits, *asymmetric, *measured]


def _check(paths: RunPaths) -> None:
    """Refuse collected files whose bytes are not those that were written."""
    check(paths.all_scores, COLLECT)
    check(paths.all_adaptive, COLLECT)
    check(paths.all_exits, COLLECT)
    check(paths.all_asymmetric, COLLECT)
    check(paths.significance, "starbench evaluate compare")
    check(paths.all_costs, "starbench measure collect")


def write_published(folder: Path) -> None:
    """Write the same tables, figures and summary of the paper's own numbers into a folder."""
    from starbench.stages.report.published import draw_published_grids, published_results

    paths = RunPaths(folder)
    results = published_results(paths)
    drawn = draw_published_grids(folder / "figures")
    write_products(results, paths, drawn)


def write_products(
    results: Results, paths: RunPaths, more_figures: tuple[str, ...] = (), processes: int = 1
) -> None:
    """Write tables, figures and summary; the summary also shows `more_figures`, by name."""
    from starbench.stages.report.figures.all import draw_figures

    _write_tables(results, paths.root / "tables")
    draw_figures(results, paths.root / "figures", processes)
    write_summary(results, paths.root, more_figures)


def _write_tables(results: Results, folder: Path) -> None:
    config = results.config
    for name, groups in tables_of(config).items():
        table = make_table(results.scores, config, groups, results.marks, results.manifest_hash)
        write_text(folder / f"{name}.csv", as_csv(table, config))
        write_text(folder / f"{name}.md", as_markdown(table, config))
        write_text(folder / f"{name}.tex", as_latex(table, config))
    made = {}
    if results.adaptive is not None:
        made[ADAPTIVE] = adaptive_tables(results.adaptive, config, results.manifest_hash)
    if results.exits is not None:
        made[EXITS] = exits_tables(results.exits, config, results.manifest_hash)
    if results.asymmetric is not None:
        made[ASYMMETRIC] = asymmetric_tables(results)
    if bits_groups(config):
        made[BITS] = bits_tables(results)
    if results.options:
        made[PARETO] = pareto_tables(results.options, config, results.manifest_hash)
    if has_claims(config):
        made[CLAIMS] = claims_table(verdicts(results.scores, config), results.manifest_hash)
    if config.report.published == "numbers":
        shared = compare_with_paper(results.scores, config)
        made[PUBLISHED] = comparison_tables(shared, config, results.manifest_hash)
    for name, table_in in made.items():
        for ending in TABLE_FORMATS:
            write_text(folder / f"{name}.{ending}", table_in[ending])


def summary(config: Config, paths: RunPaths) -> str:
    """Return the averages of every group for a terminal, and where the rest is."""
    check(paths.all_scores, COLLECT)
    scores = read_scores(paths.all_scores, config)
    parts = []
    for group in groups_of(config):
        table = make_table(scores, config, [group])
        datasets = ", ".join(config.display("datasets", name) for name in group.averaged)
        over = f" over {datasets}" if len(group.averaged) > 1 else ""
        title = f"{group.shown(config)}{over} (* best of its size)"
        parts += [textwrap.fill(title, 100), "", as_text(table, config), ""]
    where = [
        ("summary", "summary.md"),
        ("tables", "tables"),
        ("figures", "figures"),
        ("report", "report.html"),
    ]
    legend = "Columns are sizes, layers/dimensions of the cut model; rows are systems."
    places = [f"{what + ':':9}{paths.root / name}" for what, name in where]
    return "\n".join([*parts, legend, "", *places])
