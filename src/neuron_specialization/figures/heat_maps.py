"""Heat maps of IoU (Figures 1, 6, 7 and 8) and dendrograms of languages.

Axes: L languages.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from neuron_specialization.figures.style import COLUMN, PAGE, colours_of, new_figure
from neuron_specialization.neurons.statistics import cluster

FEW = 12  # most languages whose cells have room for a number
ITSELF = "#eeeeee"
BRIGHTNESS = np.array([0.299, 0.587, 0.114])  # of red, green and blue, as people see it


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The IoU of languages in a layer, for a heat map or a dendrogram."""

    title: str
    iou_LL: NDArray[np.float64]
    """Symmetric; the diagonal is not shown."""
    languages: Sequence[str]
    """In the order of axis L."""
    families: Sequence[str]
    """Family of each language; neighbours of one family share a bar."""


def family_order(families: Sequence[str]) -> list[int]:
    """Return the positions of languages family by family, otherwise in the given order."""
    seen = list(dict.fromkeys(families))
    return sorted(range(len(families)), key=lambda i: seen.index(families[i]))


def draw_heat_map(panel: Panel) -> Figure:
    """Draw the IoU of languages, with a bar per family below and to the left.

    Colours span the smallest to the largest IoU.
    """
    width = min(max(COLUMN, 1 + 0.1 * len(panel.languages)), PAGE)
    figure = new_figure(width, width * 0.95)
    fill_heat_map(figure.add_subplot(), panel)
    draw_family_legend(figure, panel.families)
    return figure


def fill_heat_map(axes: Axes, panel: Panel) -> None:
    """Draw a heat map with its colour scale into axes."""
    limits = colour_limits(panel.iou_LL)
    image = fill_cells(axes, panel.iou_LL, panel.languages, limits=limits, colours="Blues")
    draw_family_bars(axes, panel.families)
    axes.set_title(panel.title)
    draw_scale(axes, image, "IoU")


def short_number(value: float, decimals: int = 2) -> str:
    """Return a number for a cell: 0.16 as .16, and 0.04 with one decimal as 0.0."""
    text = f"{abs(value):.{decimals}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + (text.lstrip("0") if decimals > 1 else text)


def fill_cells(
    axes: Axes,
    value_LL: NDArray[np.float64],
    languages: Sequence[str],
    *,
    limits: tuple[float, float],
    colours: str,
    show: Callable[[float], str] = short_number,
) -> AxesImage:
    """Draw the cells of a matrix outside its diagonal, with numbers if it is small.

    Missing values (nan) are left out, too. `limits` are the values at the ends of the colour scale
    `colours` (matplotlib), and `show` returns a number as text.
    """
    size = len(languages)
    masked = np.ma.masked_where(np.eye(size, dtype=bool), value_LL)
    image = axes.imshow(
        masked, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    axes.set_facecolor(ITSELF)
    small = 7 if size <= FEW else max(4, 5.5 - 0.02 * size)
    axes.set_xticks(range(size), languages, fontsize=small, rotation=0 if size <= FEW else 90)
    axes.set_yticks(range(size), languages, fontsize=small)
    axes.tick_params(length=0, pad=9)
    axes.spines[:].set_visible(False)
    if size <= FEW:
        number_cells(axes, image, value_LL, show)
    return image


def draw_scale(axes: Axes, image: AxesImage, label: str) -> None:
    """Draw the colour scale beside a heat map."""
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(6, steps=[1, 2, 5, 10])
    bar.update_ticks()
    bar.ax.yaxis.set_major_formatter("{x:.2f}")
    bar.set_label(label)


def colour_limits(iou_LL: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the colour scale: the smallest and largest IoU, to steps of 0.05."""
    others = iou_LL[~np.eye(len(iou_LL), dtype=bool)]
    lowest, highest = math.floor(others.min() * 20) / 20, math.ceil(others.max() * 20) / 20
    return min(lowest, highest - 0.05), highest


def number_cells(
    axes: Axes, image: AxesImage, value_LL: NDArray[np.float64], show: Callable[[float], str]
) -> None:
    """Write the value of each cell outside the diagonal, white on dark cells."""
    light_LL = image.to_rgba(value_LL)[..., :3] @ BRIGHTNESS
    for (i, j), value in np.ndenumerate(value_LL):
        if i != j and not np.isnan(value):
            colour = "white" if light_LL[i, j] < 0.5 else "black"
            axes.text(j, i, show(float(value)), ha="center", va="center", fontsize=5, color=colour)


def draw_family_bars(axes: Axes, families: Sequence[str]) -> None:
    """Draw a bar along neighbours of one family, below and left of the cells."""
    colours, size = colours_of(families), len(families)
    thick, away = 0.022 * size, 0.015 * size
    for family, members in groupby(range(size), key=lambda i: families[i]):
        places = list(members)
        start, length = places[0] - 0.46, len(places) - 0.08
        style: Any = {"color": colours[family], "linewidth": 0, "clip_on": False}
        below, left = size - 0.5 + away, -0.5 - away - thick
        axes.add_patch(Rectangle((start, below), length, thick, **style))
        axes.add_patch(Rectangle((left, start), thick, length, **style))


def draw_family_legend(figure: Figure, families: Sequence[str]) -> None:
    """Draw the families' names and colours at the top."""
    handles = [Patch(color=colour, label=name) for name, colour in colours_of(families).items()]
    needed = sum(0.055 * len(name) + 0.28 for name in dict.fromkeys(families))  # inches
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=math.ceil(len(handles) / math.ceil(needed / figure.get_figwidth())),
        handlelength=0.8,
        columnspacing=1,
    )


def draw_dendrograms(panels: Sequence[Panel], families: Mapping[str, str]) -> Figure:
    """Draw the clustering of the languages of each panel by 1 - IoU, average linkage.

    `families` has the family of every language, even of those in no panel.
    """
    rows = math.ceil(len(panels) / 2)
    most = max(len(panel.languages) for panel in panels)
    figure = new_figure(PAGE, (0.7 + 0.085 * most) * rows + 0.3)
    colours = colours_of(list(families.values()))
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, 2, number)
        axes.tick_params(axis="y", length=0)
        dendrogram(
            cluster(panel.iou_LL),
            labels=list(panel.languages),
            orientation="left",
            ax=axes,
            color_threshold=0,
            above_threshold_color="#555555",
            leaf_font_size=6,
        )
        for label in axes.get_yticklabels():
            label.set_color(colours[families[label.get_text()]])
            label.set_fontweight("bold")
        axes.collections[0].set_linewidth(0.8)
        axes.spines["left"].set_visible(False)
        axes.set_title(panel.title)
        axes.set_xlabel("1 − IoU")
    draw_family_legend(figure, list(families.values()))
    return figure
