"""Heat maps of scores from every source into every target, one per system.

Axes: L languages; in a matrix, the source and then the target.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuron_specialization.figures.heat_maps import (
    draw_family_bars,
    draw_family_legend,
    draw_scale,
    family_order,
    fill_cells,
    short_number,
)
from neuron_specialization.figures.style import PAGE, new_figure

DATA_COLUMNS = ("system", "kind", "source", "target", "value")
SMALLEST = 0.01
"""Smallest end of the colour scale of differences: less is shown as white."""


@dataclass(frozen=True, kw_only=True)
class ScoreMatrix:
    """The scores of the first system of a table, or the differences of another to it."""

    system: str
    is_difference: bool
    languages: Sequence[str]
    """In the order of axis L."""
    value_LL: NDArray[np.float64]
    """nan for a missing score, and on the diagonal."""


@dataclass(frozen=True, kw_only=True)
class MatrixStyle:
    """The style of the matrices of a metric."""

    metric: str
    """Label of the metric (`metrics.axis_label`)."""
    decimals: int
    """Of the numbers in cells, for which there is little room."""
    lower_is_better: bool
    """Blue is better in any metric."""


def read_matrices(
    table: pd.DataFrame, families: Mapping[str, str], pivot: str
) -> list[ScoreMatrix]:
    """Return a matrix per system, from the CSV of a table of the layout `matrix`.

    Languages go family by family, the pivot first; those without a score are left out.
    """
    codes = [pivot, *(code for code in families if code != pivot)]
    codes = [codes[i] for i in family_order([families[code] for code in codes])]
    there = [code for code in codes if code in table or code in set(table["source"])]
    first = table["system"].iloc[0]
    found = []
    for system in table["system"].unique():
        kind = "absolute" if system == first else "delta"
        rows = table[(table["system"] == system) & (table["kind"] == kind)].set_index("source")
        value_LL = rows.reindex(index=there, columns=there).to_numpy(dtype=float, copy=True)
        np.fill_diagonal(value_LL, np.nan)
        found.append(
            ScoreMatrix(
                system=str(system),
                is_difference=system != first,
                languages=there,
                value_LL=value_LL,
            )
        )
    return found


def matrix_data(matrices: Sequence[ScoreMatrix]) -> pd.DataFrame:
    """Return the known values of all matrices, a row of DATA_COLUMNS each."""
    rows = [
        (
            *(each.system, "difference" if each.is_difference else "score"),
            *(each.languages[i], each.languages[j], value),
        )
        for each in matrices
        for (i, j), value in np.ndenumerate(each.value_LL)
        if not math.isnan(value)
    ]
    return pd.DataFrame(rows, columns=list(DATA_COLUMNS))


def draw_matrices(
    matrices: Sequence[ScoreMatrix], families: Mapping[str, str], style: MatrixStyle
) -> Figure:
    """Draw a heat map per system, two in a row; all differences share a colour scale."""
    rows = math.ceil(len(matrices) / 2)
    figure = new_figure(PAGE, 0.3 + 0.48 * PAGE * rows)
    axes = [figure.add_subplot(rows, 2, place) for place in range(1, len(matrices) + 1)]
    for own, each in zip(axes, matrices, strict=True):
        limits = find_limits([m for m in matrices if m.is_difference == each.is_difference])
        fill_matrix(own, each, limits, style)
        draw_family_bars(own, [families[code] for code in each.languages])
    draw_family_legend(figure, [families[code] for code in matrices[0].languages])
    return figure


def fill_matrix(
    axes: Axes, matrix: ScoreMatrix, limits: tuple[float, float], style: MatrixStyle
) -> None:
    """Draw the heat map of a system."""
    names = ("RdBu", "RdBu_r") if matrix.is_difference else ("Blues", "Blues_r")
    image = fill_cells(
        axes,
        matrix.value_LL,
        matrix.languages,
        limits=limits,
        colours=names[style.lower_is_better],
        show=lambda value: short_number(value, style.decimals),
    )
    axes.set_title(matrix.system)
    axes.set_xlabel("target")
    axes.set_ylabel("source")
    draw_scale(axes, image, f"{'Δ ' if matrix.is_difference else ''}{style.metric}")


def find_limits(matrices: Sequence[ScoreMatrix]) -> tuple[float, float]:
    """Return the ends of the colour scale: of differences, 0 is in the middle."""
    values = np.concatenate([each.value_LL.ravel() for each in matrices])
    known = values[~np.isnan(values)]
    if matrices[0].is_difference or not len(known):
        end = max(float(np.abs(known).max(initial=0)), SMALLEST)
        return -end, end
    return float(known.min()), max(float(known.max()), float(known.min()) + SMALLEST)
