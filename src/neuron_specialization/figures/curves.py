"""What became of each training: its validations, as a table and as curves."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_specialization.evaluation.metrics import METRIC_NAMES
from neuron_specialization.figures.style import COLOURS, PAGE, light_grid, new_figure
from neuron_specialization.tables.text_tables import MISSING, TextTable

NAMES = {"loss": "validation loss", **METRIC_NAMES}
STYLES = ("-", "--", ":")
POINTS = ("updates", "metric", "value", "batches", "sha256")
"""Columns of a training's file of validations."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The validations of one training."""

    label: str
    """Of its system."""
    parent: str
    """Label of the system that it continues from, "" for none."""
    seed: int
    """Its seed."""
    points: pd.DataFrame
    """POINTS, by updates."""

    @property
    def metric(self) -> str:
        """What it was validated by: `loss`, `bleu` or `chrf`."""
        return str(self.points["metric"].iloc[0])

    @property
    def best(self) -> pd.Series:
        """The validation of the checkpoint that was kept: the last of the best ones."""
        backwards = self.points["value"][::-1]
        return self.points.loc[backwards.idxmin() if self.metric == "loss" else backwards.idxmax()]

    @property
    def batches(self) -> str:
        """How many batches it saw, and eight digits that differ where it saw others."""
        digest = hashlib.sha256("".join(map(str, self.points["sha256"])).encode()).hexdigest()
        return f"{self.points['batches'].sum():,} ({digest[:8]})"


def read_curves(
    trainings: Iterable[tuple[str, int]],
    paths: Sequence[Path],
    labels: Mapping[str, str],
    parents: Mapping[str, str],
) -> list[Curve]:
    """The curves of some trainings.

    Args:
        trainings: system and seed of each.
        paths: the file of validations of each.
        labels: the label of each system.
        parents: the system that each continues from, "" for none.
    """
    return [
        Curve(
            label=labels[system],
            parent=labels.get(parents[system], ""),
            seed=seed,
            points=pd.read_csv(path, dtype={"sha256": str}),
        )
        for (system, seed), path in zip(trainings, paths, strict=True)
    ]


def curve_table(curves: Sequence[Curve]) -> pd.DataFrame:
    """All validations of all trainings: `system`, `parent`, `seed` and POINTS."""
    frames = [
        curve.points.assign(system=curve.label, parent=curve.parent, seed=curve.seed)
        for curve in curves
    ]
    return pd.concat(frames, ignore_index=True)[["system", "parent", "seed", *POINTS]]


def curve_text(curves: Sequence[Curve]) -> TextTable:
    """A row per training: updates, the best validation, and which batches it saw."""
    columns = ("continues from", "updates", "best after", "validation", "batches")
    rows = []
    for curve in curves:
        value = f"{NAMES[curve.metric]} {curve.best['value']:.2f}"
        numbers = f"{curve.points['updates'].max():,}", f"{curve.best['updates']:,}"
        rows.append(
            (curve.label, str(curve.seed), curve.parent or MISSING, *numbers, value, curve.batches)
        )
    return TextTable(
        labels=("System", "Seed"),
        columns=tuple((name, "") for name in columns),
        rows=tuple(rows),
        block_labels=1,
    )


def draw_curves(curves: Sequence[Curve]) -> Figure:
    """Draw validations against updates: a panel for what starts anew, one for each parent.

    A line is the mean of a system's seeds, thin ones are its seeds.
    """
    panels: dict[tuple[str, str], dict[str, list[Curve]]] = {}
    for curve in curves:
        of_panel = panels.setdefault((curve.parent, curve.metric), {})
        of_panel.setdefault(curve.label, []).append(curve)
    figure = new_figure(PAGE, 2.1 + 0.13 * max(map(len, panels.values())))
    grid = np.atleast_1d(figure.subplots(1, len(panels)))
    for axes, ((parent, metric), systems) in zip(grid, panels.items(), strict=True):
        for number, (label, members) in enumerate(systems.items()):
            draw_system(axes, members, label, number)
        axes.set_title(f"continuing {parent}" if parent else "from scratch")
        axes.set_xlabel("updates")
        axes.set_ylabel(NAMES[metric])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32))
        light_grid(axes)
    return figure


def draw_system(axes: Axes, members: Sequence[Curve], label: str, number: int) -> None:
    """Draw the curves of one system, the so many-th of its panel."""
    colour = COLOURS[number % len(COLOURS)]
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    seeds = [curve.points.set_index("updates")["value"] for curve in members]
    if len(seeds) > 1:
        for values in seeds:
            axes.plot(values.index, values, color=colour, linewidth=0.4, alpha=0.5)
    mean = pd.concat(seeds, axis=1).mean(axis=1)
    axes.plot(mean.index, mean, color=colour, linestyle=style, label=label)
