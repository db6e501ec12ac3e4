"""The validations of each run, as a table."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.metrics import METRIC_NAMES
from neuron_specialization.tables.render import MISSING, TextTable
from neuron_specialization.tables.setup_tables import SetupTable

NAMES = {"loss": "validation loss", **METRIC_NAMES}
POINTS = ("updates", "metric", "value", "batches", "sha256")
"""Columns of a run's file of validations."""
FOOTER = (
    "Validation: result of the checkpoint kept",
    "Batches: number, and a hash that is equal for runs with the same batches in the same order",
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The validations of one run."""

    label: str
    parent: str
    """Label of the system that it continues from, "" for none."""
    seed: int
    points: pd.DataFrame
    """POINTS, by updates."""

    @property
    def metric(self) -> str:
        """The validation metric: `loss`, `bleu` or `chrf`."""
        return str(self.points["metric"].iloc[0])

    @property
    def best(self) -> pd.Series:
        """The validation of the checkpoint kept: the last of the best ones."""
        backwards = self.points["value"][::-1]
        return self.points.loc[backwards.idxmin() if self.metric == "loss" else backwards.idxmax()]

    @property
    def batches(self) -> str:
        """The number of batches seen, and eight digits of a hash of them."""
        digest = hashlib.sha256("".join(map(str, self.points["sha256"])).encode()).hexdigest()
        return f"{self.points['batches'].sum():,} ({digest[:8]})"


def read_curves(
    runs: Iterable[tuple[str, int]],
    paths: Sequence[str | Path],
    labels: Mapping[str, str],
    parents: Mapping[str, str],
) -> list[Curve]:
    """Read the curves of some runs.

    Args:
        runs: system and seed of each run.
        paths: the file of validations of each run.
        labels: the label of each system.
        parents: the system that each system continues from, "" for none.
    """
    return [
        Curve(
            label=labels[system],
            parent=labels.get(parents[system], ""),
            seed=seed,
            points=pd.read_csv(path, dtype={"sha256": str}),
        )
        for (system, seed), path in zip(runs, paths, strict=True)
    ]


def describe_curves(curves: Sequence[Curve], dataset: str) -> SetupTable:
    """Return the validations of all runs, and a readable table with a row per run."""
    frames = [
        curve.points.assign(system=curve.label, parent=curve.parent, seed=curve.seed)
        for curve in curves
    ]
    return SetupTable(
        numbers=pd.concat(frames, ignore_index=True)[["system", "parent", "seed", *POINTS]],
        texts=[curve_text(curves)],
        title=f"Runs on {dataset}",
        footer=FOOTER,
    )


def curve_text(curves: Sequence[Curve]) -> TextTable:
    """Return a row per run: updates, the best validation, and the batches seen."""
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
