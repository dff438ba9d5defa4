"""The report of the paper's own numbers, without any run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from starbench.measures import label_of
from starbench.published import published_config, published_grids, published_tables
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.report.figures.by_layer import draw_by_layer
from starbench.stages.report.figures.heatmaps import Grid, draw_all, shared_scale
from starbench.stages.report.figures.style import save_figure
from starbench.stages.report.groups import groups_of
from starbench.stages.report.results import Results
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.marks import Marks
from starbench.stages.report.tables.table import average_of
from starbench.store.scores import Score, write_scores

NOTE = (
    "differs from Starbucks with p < 0.05, as printed; the paper does not say by which test, nor "
    "whether it was corrected for the number of tests"
)


def published_results(paths: RunPaths) -> Results:
    """Write the paper's numbers as ``scores.csv`` and return them as results.

    How many queries a score is over is not printed: 0.
    """
    config = published_config()
    tables = published_tables()
    track_of = {name: group.track for group in groups_of(config) for name in group.datasets}
    averages = {
        group.declared.average: average_of(group)
        for group in groups_of(config)
        if group.declared.average
    }
    scores, marked = [], set()
    for row in tables.itertuples():
        size = Size(row.layers, row.dim)
        dataset = row.dataset
        if dataset in averages:
            dataset = averages[dataset]
        else:
            track = track_of[dataset]
            scores.append(
                Score(row.system, 42, size, track, dataset, row.metric, row.value, queries=0)
            )
        if row.marked:
            marked.add((row.system, size, dataset))
    write_scores(paths.all_scores, scores)
    marks = Marks(frozenset(marked), dict.fromkeys(config.tracks, NOTE))
    return Results(config, read_scores(paths.all_scores, config), marks)


def draw_published_grids(folder: Path) -> tuple[str, ...]:
    """Draw the grids of the reproduction study into a folder; return the stems of the files."""
    stems = []
    for stem, figure in published_grid_figures():
        save_figure(figure, folder, stem)
        stems.append(stem)
    return tuple(stems)


def published_grid_figures() -> Iterator[tuple[str, Figure]]:
    """Yield the grids of the reproduction study, as heatmaps and as lines, each with its stem.

    All grids of a plot are on one scale.
    """
    for (dataset, source), rows in published_grids().groupby(["dataset", "source"], sort=False):
        ablation = re.search(r"([\w-]+) ablation plot", str(source))
        parts = ["published", str(dataset), ablation[1] if ablation else ""]
        stem = re.sub(r"[^a-z0-9]+", "_", " ".join(parts).lower()).strip("_")
        methods = rows.groupby("method", sort=False)
        found = [_grid(str(name), part, look) for look, (name, part) in enumerate(methods)]
        metric = rows["metric"].iloc[0]
        label = f"{label_of(metric)} ({dataset})"
        yield f"{stem}_heatmaps", draw_all(found, shared_scale(found), label)
        yield f"{stem}_by_layer", draw_by_layer(found, label)


def _grid(name: str, rows: pd.DataFrame, look: int) -> Grid:
    table = rows.pivot(index="layers", columns="dim", values="value")
    values = table.to_numpy(dtype=np.float64)
    return Grid(name, name, list(table.index), list(table.columns), values, look=look)
