"""A common style for all figures: column widths of the paper, fonts, accessible colours."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neuron_specialization.files import atomic_write, write_text

COLUMN, PAGE = 3.03, 6.3  # inches: a column and the text of an ACL paper
# Okabe and Ito (2008), distinguishable with any colour vision; reordered
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
HIGHLIGHT = COLOURS[1]
"""The colour of the system that the paper is about."""
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
    "svg.hashsalt": "1",
    "text.parse_math": False,  # a label may contain $
    "pdf.fonttype": 42,  # letters stay text
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}
FORMATS: Any = {
    "pdf": {"metadata": {"CreationDate": None}},
    "png": {"dpi": 300},
    "svg": {"metadata": {"Date": None}},
}
"""Options of each file format, without the time of writing."""


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw in the style of this module."""
    with mpl.rc_context(LOOK):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, without a window."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save_figure(
    figure: Figure, out: Mapping[str, str | Path], data: pd.DataFrame | None = None
) -> None:
    """Write a figure as `pdf`, `png` or `svg`, and its data as `csv`, atomically.

    The same figure gives the same bytes.
    """
    if data is not None:
        write_text(Path(out["csv"]), data.to_csv(index=False, lineterminator="\n"))
    # always in one order: each layout starts from the one before
    for form, options in FORMATS.items():
        if form in out.keys():  # noqa: SIM118  # Snakemake's outputs are a list with names
            with atomic_write(Path(out[form])) as partial:
                figure.savefig(partial, format=form, **options)


def message_figure(text: str) -> Figure:
    """Return a figure whose text explains why there is nothing to show."""
    figure = new_figure(COLUMN, 1.0)
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True, color=GREY)
    return figure


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name; colours repeat after eight names."""
    different = dict.fromkeys(names)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(different)}


def colours_of_systems(systems: Sequence[str], highlighted: Collection[str]) -> dict[str, str]:
    """Return a colour for each system; only the first highlighted one has the colour HIGHLIGHT."""
    first = next((name for name in systems if name in highlighted), None)
    others = cycle(colour for colour in COLOURS if first is None or colour != HIGHLIGHT)
    return {name: HIGHLIGHT if name == first else next(others) for name in systems}


def light_grid(axes: Axes, along: Literal["x", "y"] = "y") -> None:
    """Draw horizontal grid lines behind the data."""
    axes.grid(axis=along)
    axes.set_axisbelow(True)
