"""How figures look: sizes of a paper's columns, fonts readable in print, colours for everybody."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from starbench.machine.files import written_whole
from starbench.stages.report.products import FIGURE_FORMATS

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Widths of a figure in inches."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""The colours of Okabe and Ito, told apart with any kind of colour vision."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h", "p")
LINES = ("-", "--", "-.", ":")
COLOUR_MAP, DIFFERENCE_MAP = "cividis", "RdBu"
"""Colours of values, and of differences: blue where the first is better."""

LEGEND_LINE_IN = 0.17

SMALL, NORMAL = 7, 8
"""Font sizes in points: numbers and tick labels, titles and axis labels."""

LOOK = {
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    "figure.labelsize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,
    "svg.hashsalt": "starbench",
    # A display name is text, also with a dollar in it.
    "text.parse_math": False,
}


@contextmanager
def look() -> Iterator[None]:
    """Give figures the look of the report, and over it what the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        mpl.rcParams.update(_users_style())
        yield


@cache
def _users_style() -> dict[str, Any]:
    """Return what the matplotlibrc of the user sets, if there is one besides Matplotlib's own."""
    path = Path(mpl.matplotlib_fname())
    if path.is_relative_to(Path(mpl.get_data_path())):
        return {}
    return dict(mpl.rc_params_from_file(path, use_default_template=False))


def line_look(number: int) -> dict[str, Any]:
    """Return colour, marker and line style of the system at a position; 24 of them differ."""
    # Where the colours start again, the line styles are shifted.
    line = number + number // len(COLOURS)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": LINES[line % len(LINES)],
    }


def text_width(characters: int, points: float) -> float:
    """Return about how many inches a text is wide."""
    return characters * 0.6 * points / 72


def wrapped(text: str, width: float, points: float = NORMAL) -> str:
    """Return a text in at most three lines of `width` inches; what does not fit is cut."""
    fitting = max(6, int(width / text_width(1, points)))
    return "\n".join(textwrap.wrap(text, fitting, max_lines=3, placeholder="…")) or text


def legend_layout(names: Sequence[str], width: float) -> tuple[list[str], int, float]:
    """Return the names in lines that fit, columns and height in inches of a legend above."""
    shown = [wrapped(name, width - 0.6, SMALL) for name in names]
    lines = [name.split("\n") for name in shown]
    longest = text_width(max(len(line) for name in lines for line in name), SMALL) + 0.55
    columns = max(1, min(len(names), int(width / longest)))
    rows = -(-len(names) // columns) * max(map(len, lines))
    return shown, columns, LEGEND_LINE_IN * rows


def hide_unused(panels: np.ndarray, used: int) -> None:
    """Leave the panels (down, across) after the first `used` empty; label each column's lowest."""
    down, across = panels.shape
    for axes in panels.flat[used:]:
        axes.axis("off")
    for column in range(across):
        last = max(row for row in range(down) if row * across + column < used)
        panels[last, column].tick_params(labelbottom=True)


def save_figure(figure: Figure, folder: Path, stem: str) -> None:
    """Write a figure in every format, each in one step and the same bytes for the same figure."""
    for ending in FIGURE_FORMATS:
        # Without these, the file holds the time of drawing.
        metadata = {"CreationDate": None} if ending == "pdf" else {"Software": None}
        drawn = io.BytesIO()
        with look():
            figure.savefig(drawn, format=ending, dpi=300, metadata=metadata)
        # Laid out once: doing it again gives the same and takes as long.
        figure.set_layout_engine("none")
        with written_whole(folder / f"{stem}.{ending}") as temporary:
            temporary.write_bytes(drawn.getvalue())
