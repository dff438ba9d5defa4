"""Average against dimensions, a panel a layer, one line a system."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from starbench.reporting.heatmaps import Grid
from starbench.reporting.style import (
    SMALL,
    TWO_COLUMNS,
    hide_unused,
    line_look,
    look,
    text_width,
    wrapped,
)

MOST_ACROSS = 3
PANEL_IN, LEGEND_LINE_IN = 1.75, 0.17


@look()
def draw_by_layer(found: Sequence[Grid], label: str) -> Figure:
    """Return a panel for each layer, all on one scale; dimensions are evenly spaced."""
    layers, dims = found[0].layers, found[0].dims
    across = min(MOST_ACROSS, len(layers))
    down = -(-len(layers) // across)
    titles = [wrapped(grid.title, 2.2, SMALL) for grid in found]
    widest = max(text_width(max(map(len, title.split("\n"))), SMALL) + 0.55 for title in titles)
    columns = max(1, min(len(found), int(TWO_COLUMNS / widest)))
    lines = -(-len(found) // columns) * max(title.count("\n") + 1 for title in titles)
    height = PANEL_IN * down + 0.45 + LEGEND_LINE_IN * lines
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for row, (axes, layer) in enumerate(zip(panels.flat, layers, strict=False)):
        for number, grid in enumerate(found):
            axes.plot(range(len(dims)), grid.values[row], markersize=3, lw=1.1, **line_look(number))
        axes.set_title(f"{layer} layer{'s' * (layer > 1)}")
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xticks(range(len(dims)), [str(dim) for dim in dims])
        axes.tick_params(axis="x", labelrotation=90 if len(dims) > 8 else 0)
    hide_unused(panels, len(layers))
    figure.supxlabel("dimensions")
    figure.supylabel(label)
    figure.legend(
        panels[0, 0].lines, titles, loc="outside upper center", ncols=columns, frameon=False
    )
    return figure
