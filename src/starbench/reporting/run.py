"""Running the report: all tables and figures of a run from its scores."""

from __future__ import annotations

import textwrap

from starbench.config import Config
from starbench.files import write_text
from starbench.paths import RunPaths
from starbench.reporting.scores import METRICS, read_scores
from starbench.reporting.tables import as_csv, as_latex, as_markdown, as_text, make_table

LABELS = {"sts": "average Spearman"}
"""What the figures of a track show."""


def write_report(config: Config, paths: RunPaths) -> None:
    """Write every table and figure of the run, from ``scores.csv`` alone.

    Raises InputError for scores that cannot be right (see `read_scores`).
    """
    from starbench.reporting.heatmaps import draw_all, draw_heatmap, grids, shared_scale
    from starbench.reporting.lines import draw_lines
    from starbench.reporting.style import save_figure

    scores = read_scores(paths.all_scores, config)
    tables, figures = paths.root / "tables", paths.root / "figures"
    for track in config.tracks:
        table = make_table(scores, config, track)
        write_text(tables / f"{track}.csv", as_csv(table, config))
        write_text(tables / f"{track}.md", as_markdown(table, config))
        write_text(tables / f"{track}.tex", as_latex(table, config))
        found = grids(scores, config, track)
        scale, label = shared_scale(found), LABELS[track]
        save_figure(draw_lines(scores, config, track, label), figures, f"{track}_average_by_size")
        save_figure(draw_all(found, scale, config, label), figures, f"{track}_heatmaps")
        for grid in found:
            drawn = draw_heatmap(grid, scale, config, label)
            save_figure(drawn, figures, f"{track}_heatmap_{grid.system}")


def summary(config: Config, paths: RunPaths) -> str:
    """Return the averages of every track for a terminal, and where the rest is."""
    scores = read_scores(paths.all_scores, config)
    parts = []
    for track, section in config.tracks.items():
        datasets = ", ".join(config.display("datasets", task) for task in section.tasks)
        parts += [
            textwrap.fill(
                f"{track}: mean {METRICS[track]} over {datasets} (* best of its size)", 100
            ),
            "",
            as_text(make_table(scores, config, track), config),
            "",
        ]
    where = [("tables", "tables"), ("figures", "figures"), ("report", "report.html")]
    return "\n".join([*parts, *(f"{what + ':':9}{paths.root / name}" for what, name in where)])
