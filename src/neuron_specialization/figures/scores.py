"""Figures of scores: systems by language (Figure 3), the sweep of k (Figure 4), and gains."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_specialization.figures.style import (
    COLUMN,
    GREY,
    PAGE,
    colours_of_systems,
    light_grid,
    new_figure,
)
from neuron_specialization.neurons.sides import SIDES, side_label, side_of
from neuron_specialization.settings.pivot import has_pivot

CONTROL_COLOUR = "#333333"  # of the continued baseline, which no line of a system has


def language_bars(table: pd.DataFrame, languages: Sequence[str]) -> pd.DataFrame:
    """Return the data of Figure 3, differences to the first system, from the CSV by language.

    Returns:
        The columns `side`, `system`, `language`, `difference` and `deviation` (over seeds; nan
        for a single seed).
    """
    found = [code for code in languages if code in table]
    keys = ["direction", "system"]
    long = table.melt([*keys, "kind"], found, var_name="language", value_name="difference")
    others = long["system"] != table["system"].iloc[0]
    bars = long[(long["kind"] == "delta") & others].drop(columns="kind")
    spread = long[long["kind"] == "deviation"].drop(columns="kind")
    spread = spread.rename(columns={"difference": "deviation"})
    bars = bars.merge(spread, on=[*keys, "language"], how="left", sort=False)
    return bars.rename(columns={"direction": "side"})


def draw_language_bars(
    bars: pd.DataFrame, *, first: str, metric: str, pivot: str, highlighted: Collection[str] = ()
) -> Figure:
    """Draw the difference of each system to the first one, a group of bars per language.

    Args:
        bars: result of `language_bars`.
        first: label of the system that the others are compared with.
        metric: label of the metric (`metrics.axis_label`).
        pivot: the language common to all directions.
        highlighted: labels of systems to highlight.
    """
    languages, systems = list(dict.fromkeys(bars["language"])), list(dict.fromkeys(bars["system"]))
    wide = len(languages) * len(systems) > 16
    figure = new_figure(PAGE if wide else COLUMN, 3.2)
    panels = figure.subplots(2, 1, sharex=True)
    width = 0.8 / len(systems)
    colours = colours_of_systems(systems, highlighted)
    for axes, side in zip(panels, reversed(SIDES), strict=True):
        for number, (system, colour) in enumerate(colours.items()):
            part = bars[(bars["side"] == side) & (bars["system"] == system)]
            part = part.set_index("language").reindex(languages)
            places = np.arange(len(languages)) + (number - (len(systems) - 1) / 2) * width
            axes.bar(places, part["difference"], width * 0.92, color=colour, label=system)
            if part["deviation"].notna().any():
                axes.errorbar(
                    places, part["difference"], part["deviation"], fmt="none", ecolor="#333333",
                    elinewidth=0.7,
                )  # fmt: skip
        axes.axhline(0, color="#333333", linewidth=0.7)
        axes.set_title(side_label(side, pivot))
        axes.set_ylabel(f"Δ {metric}")
        axes.tick_params(axis="x", length=0)
        light_grid(axes)
    panels[1].set_xticks(range(len(languages)), languages)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=2 if wide else 1,
        title=f"difference to {first}",
    )
    return figure


def improvements(
    scores: pd.DataFrame, parent: pd.DataFrame, metric: str, pivot: str
) -> dict[str, float]:
    """Return the mean difference of two runs over the directions of each side of the pivot.

    Args:
        scores: scores of a run, with the columns `pair`, `metric` and `score`.
        parent: scores of the run that it continues from.
        metric: the metric.
        pivot: the language common to all directions.
    """
    ours, theirs = (
        frame[frame["metric"] == metric].set_index("pair")["score"] for frame in (scores, parent)
    )
    pairs = [pair for pair in ours.index if has_pivot(pair, pivot)]
    difference = ours[pairs] - theirs.reindex(pairs)
    means = difference.groupby(lambda pair: side_of(pair, pivot)).mean()
    return {str(side): float(value) for side, value in means.items()}


def draw_sweep(
    sweep: pd.DataFrame,
    *,
    labels: Mapping[str, str],
    metric: str,
    pivot: str,
    highlighted: Collection[str] = (),
) -> Figure:
    """Draw the improvement over the parent against k (Figure 4), a panel per side.

    Each system has a line. k = 100 keeps every neuron: it is the continued baseline, the line that
    the others have to beat. With several seeds, a point is their mean and its bar their standard
    deviation.

    Args:
        sweep: `system` (label), `k` (nan for the continued baseline), `seed`, `side` and
            `improvement`.
        labels: labels of the `parent` and the `control`, the continued baseline.
        metric: label of the metric (`metrics.axis_label`).
        pivot: the language common to all directions.
        highlighted: labels of systems to highlight.
    """
    points, control = sweep[sweep["k"].notna()], sweep[sweep["k"].isna()]
    colours = colours_of_systems(list(points["system"].unique()), highlighted)
    figure = new_figure(COLUMN, 1.8 + 0.15 * (len(colours) + 1))
    panels = figure.subplots(1, 2, sharey=True)
    places = {k: place for place, k in enumerate(sorted(points["k"].unique()))}
    for axes, side in zip(panels, SIDES, strict=True):
        axes.axhline(0, color=GREY, linewidth=0.7)
        draw_control(axes, control[control["side"] == side], labels["control"])
        for system, colour in colours.items():
            own = points[(points["side"] == side) & (points["system"] == system)]
            draw_sweep_line(axes, own, places, system, colour)
        axes.set_xticks(range(len(places)), [f"{k:g}" for k in places])
        axes.set_title(side_label(side, pivot))
        axes.set_xlabel("k (%)")
        light_grid(axes)
    panels[0].set_ylabel(f"Δ {metric}\nover {labels['parent']}")
    legend = [axes.get_legend_handles_labels() for axes in panels]
    entries = {label: handle for pair in legend for handle, label in zip(*pair, strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=1)
    return figure


def draw_control(axes: Axes, control: pd.DataFrame, label: str) -> None:
    """Draw the mean improvement of the continued baseline as a line, if the panel has any."""
    if len(control):
        level, label = control["improvement"].mean(), f"{label} (k = 100)"
        axes.axhline(level, label=label, color=CONTROL_COLOUR, linestyle="--", linewidth=1)


def draw_sweep_line(
    axes: Axes, points: pd.DataFrame, places: Mapping[float, int], label: str, colour: str
) -> None:
    """Draw a system of `draw_sweep` in one panel; `places` has the position of each k."""
    by_k = points.groupby("k")["improvement"]
    mean, deviation = by_k.mean(), by_k.std()
    if len(mean):
        axes.errorbar(
            [places[k] for k in mean.index],
            mean,
            deviation if deviation.notna().any() else None,
            color=colour,
            marker="o",
            label=label,
        )


def draw_gains(
    gains: pd.DataFrame, *, metric: str, pivot: str, highlighted: Collection[str] = ()
) -> Figure:
    """Draw the difference of each system to its continued baseline, with intervals over seeds.

    Each continued baseline has a panel with a separate scale.

    Args:
        gains: result of `comparisons.gains_table` for a table by resource level.
        metric: label of the metric (`metrics.axis_label`).
        pivot: the language common to all directions.
    """
    gains = gains.assign(side=gains["direction"].str.lower())
    gains = gains[gains["side"].isin(SIDES)]
    number_of_panels = gains["against"].nunique()
    figure = new_figure(PAGE, 0.5 + 1.5 * number_of_panels)
    panels = np.atleast_1d(figure.subplots(number_of_panels, 1))
    for axes, (against, part) in zip(panels, gains.groupby("against", sort=False), strict=True):
        places = [*dict.fromkeys(zip(part["group"], part["side"], strict=True))]
        systems = list(dict.fromkeys(part["system"]))
        colours = colours_of_systems(systems, highlighted)
        for number, (system, colour) in enumerate(colours.items()):
            own = part[part["system"] == system].set_index(["group", "side"]).reindex(places)
            shift = (number - (len(systems) - 1) / 2) * 0.8 / len(systems)
            known = own["half_width"].notna().any()
            axes.errorbar(
                np.arange(len(places)) + shift,
                own["gain"],
                own["half_width"] if known else None,
                fmt="o",
                color=colour,
                elinewidth=0.8,
                label=system,
            )
        axes.axhline(0, color="#333333", linewidth=0.7)
        labels = [f"{group}\n{side_label(side, pivot)}" for group, side in places]
        axes.set_xticks(range(len(places)), labels)
        axes.set_title(f"against {against}")
        axes.set_ylabel(f"Δ {metric}")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        light_grid(axes)
    return figure
