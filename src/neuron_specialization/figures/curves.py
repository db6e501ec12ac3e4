"""Plots of validation curves."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_specialization.figures.style import (
    COLOURS,
    PAGE,
    colours_of_systems,
    light_grid,
    new_figure,
)
from neuron_specialization.tables.curves import NAMES, Curve

STYLES = ("-", "--", ":")


def draw_curves(curves: Sequence[Curve], highlighted: Collection[str] = ()) -> Figure:
    """Draw validations against updates: a panel for runs from scratch, one for each parent.

    A line is the mean of a system's seeds; thin lines are its seeds. `highlighted` has the labels
    of systems to highlight.
    """
    panels: dict[tuple[str, str], dict[str, list[Curve]]] = {}
    for curve in curves:
        of_panel = panels.setdefault((curve.parent, curve.metric), {})
        of_panel.setdefault(curve.label, []).append(curve)
    figure = new_figure(PAGE, 2.1 + 0.13 * max(map(len, panels.values())))
    grid = np.atleast_1d(figure.subplots(1, len(panels)))
    for axes, ((parent, metric), systems) in zip(grid, panels.items(), strict=True):
        colours = colours_of_systems(list(systems), highlighted)
        for number, (label, members) in enumerate(systems.items()):
            draw_system(axes, members, label, colours[label], STYLES[number // len(COLOURS) % 3])
        axes.set_title(f"continuing {parent}" if parent else "from scratch")
        axes.set_xlabel("updates")
        axes.set_ylabel(NAMES[metric])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32))
        light_grid(axes)
    return figure


def draw_system(axes: Axes, members: Sequence[Curve], label: str, colour: str, style: str) -> None:
    """Draw the curves of one system in a colour and a line style."""
    seeds = [curve.points.set_index("updates")["value"] for curve in members]
    if len(seeds) > 1:
        for values in seeds:
            axes.plot(values.index, values, color=colour, linewidth=0.4, alpha=0.5)
    mean = pd.concat(seeds, axis=1).mean(axis=1)
    axes.plot(mean.index, mean, color=colour, linestyle=style, label=label)
