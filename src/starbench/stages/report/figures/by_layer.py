"""Average against dimensions, one panel per layer, one line per system."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from starbench.stages.report.figures.heatmaps import Grid
from starbench.stages.report.figures.style import (
    TWO_COLUMNS,
    hide_unused,
    legend_layout,
    line_look,
    look,
)

MOST_ACROSS = 3
PANEL_IN = 1.75


@look()
def draw_by_layer(found: Sequence[Grid], label: str) -> Figure:
    """Return a panel for each layer, all on one scale; dimensions are evenly spaced."""
    layers, dims = found[0].layers, found[0].dims
    across = min(MOST_ACROSS, len(layers))
    down = -(-len(layers) // across)
    titles, columns, above = legend_layout([grid.title for grid in found], TWO_COLUMNS)
    figure = Figure(figsize=(TWO_COLUMNS, PANEL_IN * down + 0.45 + above), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for row, (axes, layer) in enumerate(zip(panels.flat, layers, strict=False)):
        for grid in found:
            look_of = line_look(grid.look)
            axes.plot(range(len(dims)), grid.values[row], markersize=3, lw=1.1, **look_of)
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
