"""The summary: the overlap of neurons next to the gains over the continued baseline."""

from collections.abc import Collection
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_specialization.figures.heat_maps import Panel, draw_family_legend, fill_heat_map
from neuron_specialization.figures.style import (
    HIGHLIGHT,
    PAGE,
    colours_of_systems,
    light_grid,
    new_figure,
)

LABEL_WIDTH = 24
"""Characters of a line of a system's label; longer ones would push the panels off the page."""


def draw_summary(
    panel: Panel, gains: pd.DataFrame, *, metric: str, highlighted: Collection[str] = ()
) -> Figure:
    """Draw the heat map of a layer next to the gain of each system over its continued baseline.

    Args:
        panel: the layer.
        gains: result of `mean_gains`.
        metric: label of the metric (`metrics.axis_label`).
        highlighted: labels of systems to highlight.
    """
    figure = new_figure(PAGE, max(2.8, 0.32 * len(gains)))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1])
    fill_heat_map(left, panel)
    left.set_title(f"Shared neurons (IoU): {panel.title}")
    fill_gains(right, gains, metric, highlighted)
    draw_family_legend(figure, panel.families)
    return figure


def mean_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """Return the gain of each system over its continued baseline, averaged over all directions.

    Args:
        gains: result of `comparisons.gains_table` with the role `control`, for a table by
            resource level.

    Returns:
        The columns `system`, `against`, `seeds`, `gain` and `half_width` (nan for one seed).
    """
    overall = gains[gains["group"] == "All"]
    if (overall["direction"] == "Avg").any():  # with one side only, that side is the mean of all
        overall = overall[overall["direction"] == "Avg"]
    return overall[["system", "against", "seeds", "gain", "half_width"]].reset_index(drop=True)


def fill_gains(axes: Axes, gains: pd.DataFrame, metric: str, highlighted: Collection[str]) -> None:
    """Draw a point per system, with its 95 % interval over seeds if it has several."""
    colours = colours_of_systems(list(gains["system"]), highlighted)
    colours |= dict.fromkeys(highlighted, HIGHLIGHT)  # each has a row: one colour serves all
    for place, row in enumerate(gains.itertuples()):
        error = row.half_width if pd.notna(row.half_width) else None
        axes.errorbar(row.gain, place, xerr=error, fmt="o", color=colours[row.system], elinewidth=1)
    axes.axvline(0, color="#333333", linewidth=0.8)
    axes.set_yticks(range(len(gains)), [fill(name, LABEL_WIDTH) for name in gains["system"]])
    axes.set_ylim(len(gains) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Δ {metric}, mean over all directions")
    axes.set_title("Difference to the continued baseline")
    light_grid(axes, "x")
