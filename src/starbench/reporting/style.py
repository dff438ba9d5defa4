"""How figures look: sizes of a paper's columns, fonts readable in print, colours for everybody."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from starbench.files import written_whole
from starbench.reporting import FIGURE_FORMATS

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Widths of a figure in inches."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""The colours of Okabe and Ito, told apart with any kind of colour vision."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
COLOUR_MAP = "cividis"

mpl.rcParams.update(
    {
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "pdf.fonttype": 42,
        "svg.hashsalt": "starbench",
    }
)


def save_figure(figure: Figure, folder: Path, stem: str) -> None:
    """Write a figure in every format, each in one step and the same bytes for the same figure."""
    for ending in FIGURE_FORMATS:
        # Without these, the time of drawing stands in the file.
        metadata = {"CreationDate": None} if ending == "pdf" else {"Software": None}
        drawn = io.BytesIO()
        figure.savefig(drawn, format=ending, dpi=300, metadata=metadata, bbox_inches="tight")
        with written_whole(folder / f"{stem}.{ending}") as temporary:
            temporary.write_bytes(drawn.getvalue())
