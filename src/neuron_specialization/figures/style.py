"""One look for all figures: sizes of a paper's column, fonts, colours that all can tell apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neuron_specialization.files import atomic_write, write_text

COLUMN, PAGE = 3.03, 6.3  # inches: a column and the text of an ACL paper
# Okabe and Ito (2008), told apart with any colour vision; the darkest first
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
GREY = "#777777"
LOOK: Any = {
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 7,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # letters stay text
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw with the look of this module."""
    with mpl.rc_context(LOOK):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, of no window."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save_figure(
    figure: Figure, out: Mapping[str, str | Path], data: pd.DataFrame | None = None
) -> None:
    """Write a figure as `pdf` and `png`, and the data behind it as `csv`, all whole.

    The same figure gives the same bytes.
    """
    if data is not None:
        write_text(Path(out["csv"]), data.to_csv(index=False, lineterminator="\n"))
    for form, options in (("pdf", {"metadata": {"CreationDate": None}}), ("png", {"dpi": 300})):
        with atomic_write(Path(out[form])) as partial:
            figure.savefig(partial, format=form, **options)


def message_figure(text: str) -> Figure:
    """A figure that says in words why there is nothing to see."""
    figure = new_figure(COLUMN, 1.0)
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True, color=GREY)
    return figure


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name; after the eighth they begin anew."""
    different = dict.fromkeys(names)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(different)}


def light_grid(axes: Axes) -> None:
    """Lines to read values off, behind what is drawn."""
    axes.grid(axis="y")
    axes.set_axisbelow(True)
