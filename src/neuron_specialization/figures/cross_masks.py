"""Heat maps of what it costs a direction to pass through the mask of another one.

Axes: L directions of one side, the direction first and then the direction of the mask.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuron_specialization.figures.heat_maps import (
    draw_family_bars,
    draw_family_legend,
    draw_scale,
    family_order,
    fill_cells,
)
from neuron_specialization.figures.style import COLUMN, PAGE, message_figure, new_figure
from neuron_specialization.neurons.cross_masks import CrossMasks
from neuron_specialization.neurons.sides import side_label

SMALLEST = 0.01
"""Smallest end of the colour scale, nats per token: less is shown as white."""


def languages_by_family(families: Mapping[str, str]) -> list[str]:
    """Return the languages family by family, as in Figure 1."""
    codes = list(families)
    return [codes[i] for i in family_order([families[code] for code in codes])]


def make_cross_masks(
    matrix: CrossMasks, families: Mapping[str, str], pivot: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the excess of a side, white for none, and return its data: a row per direction."""
    data = pd.DataFrame(matrix.excess_LL, columns=list(matrix.languages))
    data.insert(0, "language", list(matrix.languages))
    if len(matrix.languages) < 2:
        side, number = side_label(matrix.side, pivot), "one" if matrix.languages else "no"
        return message_figure(f"{side} has {number} direction: no masks of others."), data
    return draw_cross_masks(matrix, [families[code] for code in matrix.languages], pivot), data


def draw_cross_masks(matrix: CrossMasks, families: Sequence[str], pivot: str) -> Figure:
    """Draw the heat map of a side with at least two directions."""
    width = min(max(COLUMN, 1 + 0.1 * len(matrix.languages)), PAGE)
    figure = new_figure(width, width * 0.95)
    axes = figure.add_subplot()
    end = max(float(np.abs(matrix.excess_LL).max()), SMALLEST)
    image = fill_cells(
        axes, matrix.excess_LL, matrix.languages, limits=(-end, end), colours="RdBu_r"
    )
    draw_family_bars(axes, families)
    axes.set_title(f"Masks of other directions, {side_label(matrix.side, pivot)}")
    axes.set_xlabel("mask of")
    axes.set_ylabel("direction")
    draw_scale(axes, image, "excess nll (nats per token)")
    draw_family_legend(figure, families)
    return figure
