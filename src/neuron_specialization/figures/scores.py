"""Figures of scores: a system per colour by language (Figure 3), and the sweep of k (Figure 4)."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_specialization.figures.style import (
    COLOURS,
    COLUMN,
    GREY,
    PAGE,
    light_grid,
    new_figure,
)
from neuron_specialization.neurons.sides import SIDES, side_label, side_of


def language_bars(table: pd.DataFrame, languages: Sequence[str]) -> pd.DataFrame:
    """What Figure 3 shows, of the CSV of a table by language: differences to its first system.

    Returns:
        The columns `side`, `system`, `language`, `difference` and `deviation` (over seeds; nan
        where there is one).
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


def draw_language_bars(bars: pd.DataFrame, *, first: str, metric: str, pivot: str) -> Figure:
    """Draw the difference of each system to the first one, a group of bars per language.

    Args:
        bars: of `language_bars`.
        first: label of the system that the others are compared with.
        metric: its name for people.
        pivot: the language of all directions.
    """
    languages, systems = list(dict.fromkeys(bars["language"])), list(dict.fromkeys(bars["system"]))
    wide = len(languages) * len(systems) > 16
    figure = new_figure(PAGE if wide else COLUMN, 3.2)
    panels = figure.subplots(2, 1, sharex=True)
    width = 0.8 / len(systems)
    for axes, side in zip(panels, reversed(SIDES), strict=True):
        for number, (system, colour) in enumerate(zip(systems, cycle(COLOURS), strict=False)):
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
    """The mean difference of two trainings over the directions of each side.

    Args:
        scores: of a training, with the columns `pair`, `metric` and `score`.
        parent: of the one that it continues from.
        metric: the metric.
        pivot: the language of all directions.
    """
    ours, theirs = (
        frame[frame["metric"] == metric].set_index("pair")["score"] for frame in (scores, parent)
    )
    difference = (ours - theirs.reindex(ours.index)).groupby(lambda pair: side_of(pair, pivot))
    return {str(side): float(value) for side, value in difference.mean().items()}


def draw_sweep(
    sweep: pd.DataFrame, *, labels: Mapping[str, str], metric: str, pivot: str
) -> Figure:
    """Draw the improvement over the parent against k (Figure 4), a panel per side.

    With k = 100 every neuron is in: that is the continued baseline, whose line the others have to
    beat. Where there are several seeds, a point is their mean and its bar their standard
    deviation.

    Args:
        sweep: `k` (nan for the continued baseline), `seed`, `side` and `improvement`.
        labels: of the `parent` and the `control`, the continued baseline.
        metric: its name for people.
        pivot: the language of all directions.
    """
    figure = new_figure(COLUMN, 2.1)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, side in zip(panels, SIDES, strict=True):
        part = sweep[sweep["side"] == side]
        draw_sweep_side(axes, part[part["k"].notna()], part[part["k"].isna()], labels)
        axes.set_title(side_label(side, pivot))
        axes.set_xlabel("k (%)")
        light_grid(axes)
    panels[0].set_ylabel(f"Δ {metric} over {labels['parent']}")
    legend = [axes.get_legend_handles_labels() for axes in panels]
    entries = {label: handle for pair in legend for handle, label in zip(*pair, strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=1)
    return figure


def draw_sweep_side(
    axes: Axes, points: pd.DataFrame, control: pd.DataFrame, labels: Mapping[str, str]
) -> None:
    """One panel of `draw_sweep`."""
    by_k = points.groupby("k")["improvement"]
    mean, deviation = by_k.mean(), by_k.std()
    places = range(len(mean))
    axes.axhline(0, color=GREY, linewidth=0.7)
    if len(control):
        level = control["improvement"].mean()
        label = f"{labels['control']} (k = 100)"
        axes.axhline(level, label=label, color=COLOURS[1], linestyle="--", linewidth=1)
    axes.errorbar(
        places,
        mean,
        deviation if deviation.notna().any() else None,
        color=COLOURS[0],
        marker="o",
        label="neurons that hold k % of the activations",
    )
    axes.set_xticks(places, [f"{k:g}" for k in mean.index])


def draw_gains(gains: pd.DataFrame, *, metric: str, pivot: str) -> Figure:
    """Draw the difference of each system to its continued baseline, with intervals over seeds.

    A panel per continued baseline, each with a scale of its own.

    Args:
        gains: of `gains.gains_table`, of a table by resource level.
        metric: its name for people.
        pivot: the language of all directions.
    """
    gains = gains.assign(side=gains["direction"].str.lower())
    gains = gains[gains["side"].isin(SIDES)]
    number_of_panels = gains["against"].nunique()
    figure = new_figure(PAGE, 0.5 + 1.5 * number_of_panels)
    panels = np.atleast_1d(figure.subplots(number_of_panels, 1))
    for axes, (against, part) in zip(panels, gains.groupby("against", sort=False), strict=True):
        places = [*dict.fromkeys(zip(part["group"], part["side"], strict=True))]
        systems = list(dict.fromkeys(part["system"]))
        for number, (system, colour) in enumerate(zip(systems, cycle(COLOURS), strict=False)):
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
