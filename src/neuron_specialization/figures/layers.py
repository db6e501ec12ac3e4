"""Overlap and sparsity by layer (Figures 2 and 5)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuron_specialization.figures.style import (
    COLOURS,
    COLUMN,
    GREY,
    light_grid,
    new_figure,
)
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import SIDES, informative_side, layer_number, side_label
from neuron_specialization.tables.comparisons import interval


def informative_pairs(overlap: Overlap) -> pd.DataFrame:
    """Return the rows of an overlap's table on the informative side of each layer."""
    table = overlap.table()
    return table[table["side"] == table["layer"].map(informative_side)]


def draw_overlap_boxes(pairs: pd.DataFrame, pivot: str) -> Figure:
    """Draw the distribution of IoU in each layer, encoder and decoder side by side (Figure 2).

    A box spans the middle half of the pairs of directions, whiskers at most 1.5 times its height
    more; outliers are not shown.

    Args:
        pairs: rows of `informative_pairs` that have an IoU.
        pivot: the language common to all directions.
    """
    figure = new_figure(COLUMN, 1.9)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, stack, colour in zip(panels, ("encoder", "decoder"), COLOURS, strict=False):
        part = pairs[pairs["layer"].str.startswith(stack)]
        groups = {
            layer_number(str(layer)): 100 * rows["iou"].to_numpy()
            for layer, rows in part.groupby("layer", sort=False)
        }
        if groups:
            draw_boxes(axes, groups, colour)
        else:
            axes.text(0.5, 0.5, "no two languages", ha="center", transform=axes.transAxes)
            axes.set_xticks([])
        side = side_label(informative_side(stack), pivot)
        axes.set_title(f"{stack.capitalize()} ({side})")
        axes.set_xlabel("layer")
        light_grid(axes)
    panels[0].set_ylabel("pairwise IoU (%)")
    return figure


def draw_boxes(axes: Axes, groups: Mapping[int, NDArray[np.float64]], colour: str) -> None:
    """Draw a box for the values of each layer, named by its number."""
    axes.boxplot(
        list(groups.values()),
        tick_labels=[str(number) for number in groups],
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
        medianprops={"color": colour, "linewidth": 1.5},
        whiskerprops={"color": colour},
        capprops={"color": colour},
    )


def sparsity_by_layer(overlap: Overlap) -> pd.DataFrame:
    """Return the mean sparsity by layer and side, and the ends of its 95 % confidence interval.

    The interval is Student's, over directions; nan for a single direction.
    """
    rows = []
    for layer, sparsity_L in zip(overlap.layers, overlap.sparsity_LN.T, strict=True):
        for side in dict.fromkeys(overlap.sides):
            mean, half = interval(sparsity_L[np.array(overlap.sides) == side].tolist())
            rows.append((layer, side, mean, mean - half, mean + half))
    return pd.DataFrame(rows, columns=["layer", "side", "mean", "low", "high"])


def draw_sparsity(by_layer: pd.DataFrame, pivot: str) -> Figure:
    """Draw the mean sparsity of each layer with its interval, a line per side (Figure 5)."""
    layers = list(dict.fromkeys(by_layer["layer"]))
    labels = [f"{layer[:3]} {layer_number(layer)}" for layer in layers]
    figure = new_figure(COLUMN, 1.9)
    axes = figure.add_subplot()
    present = [side for side in SIDES if side in set(by_layer["side"])]
    for side, colour, marker in zip(present, COLOURS, "os", strict=False):
        part = by_layer[by_layer["side"] == side].set_index("layer").loc[layers]
        for stack in ("encoder", "decoder"):
            own = [layer.startswith(stack) for layer in layers]
            places, shown = np.flatnonzero(own), part[own]
            label = side_label(side, pivot) if own[0] else None
            axes.plot(places, shown["mean"], color=colour, marker=marker, label=label)
            axes.fill_between(
                places, shown["low"], shown["high"], color=colour, alpha=0.2, linewidth=0
            )
    axes.set_xticks(range(len(layers)), labels)
    encoders = sum(layer.startswith("encoder") for layer in layers)
    if 0 < encoders < len(layers):
        axes.axvline(encoders - 0.5, color=GREY, linestyle="--", linewidth=0.8)
    axes.set_ylabel("sparsity")
    axes.tick_params(axis="x", rotation=90 if len(layers) > 6 else 0)
    axes.legend()
    light_grid(axes)
    return figure
