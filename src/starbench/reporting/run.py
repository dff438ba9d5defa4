"""Running the report: all tables and figures of a run from its scores."""

from __future__ import annotations

import textwrap

from starbench.config import Config
from starbench.files import write_text
from starbench.paths import RunPaths
from starbench.reporting import ADAPTIVE, TABLE_FORMATS, tables_of
from starbench.reporting.adaptive import adaptive_tables, read_adaptive
from starbench.reporting.groups import groups_of
from starbench.reporting.scores import read_scores
from starbench.reporting.tables import as_csv, as_latex, as_markdown, as_text, make_table


def write_report(config: Config, paths: RunPaths) -> None:
    """Write every table and figure of the run, from ``scores.csv`` and ``adaptive.csv`` alone.

    Raises InputError for scores that cannot be right (see `read_scores`).
    """
    from starbench.reporting.heatmaps import draw_all, draw_heatmap, grids, shared_scale
    from starbench.reporting.lines import draw_lines
    from starbench.reporting.style import save_figure

    scores = read_scores(paths.all_scores, config)
    tables, figures = paths.root / "tables", paths.root / "figures"
    for name, groups in tables_of(config).items():
        table = make_table(scores, config, groups)
        write_text(tables / f"{name}.csv", as_csv(table, config))
        write_text(tables / f"{name}.md", as_markdown(table, config))
        write_text(tables / f"{name}.tex", as_latex(table, config))
    if config.tries_adaptive:
        made = adaptive_tables(read_adaptive(paths.all_adaptive), config)
        for ending in TABLE_FORMATS:
            write_text(tables / f"{ADAPTIVE}.{ending}", made[ending])
    for group in groups_of(config):
        found = grids(scores, config, group)
        scale = shared_scale(found)
        save_figure(draw_lines(scores, config, group), figures, f"{group.name}_average_by_size")
        save_figure(draw_all(found, scale, config, group.label), figures, f"{group.name}_heatmaps")
        for grid in found:
            drawn = draw_heatmap(grid, scale, config, group.label)
            save_figure(drawn, figures, f"{group.name}_heatmap_{grid.system}")


def summary(config: Config, paths: RunPaths) -> str:
    """Return the averages of every group for a terminal, and where the rest is."""
    scores = read_scores(paths.all_scores, config)
    parts = []
    for group in groups_of(config):
        table = make_table(scores, config, [group])
        datasets = ", ".join(config.display("datasets", name) for name in group.datasets)
        shown = table.columns[table.headline]
        what = f"{group.label} over {datasets}" if shown.startswith("Average") else shown
        title = f"{group.title}: {what} (* best of its size)"
        parts += [textwrap.fill(title, 100), "", as_text(table, config), ""]
    where = [("tables", "tables"), ("figures", "figures"), ("report", "report.html")]
    return "\n".join([*parts, *(f"{what + ':':9}{paths.root / name}" for what, name in where)])
