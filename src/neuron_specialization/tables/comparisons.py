"""Comparisons of systems by paired tests, and their differences over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from neuron_specialization.tables.cells import Cells, average
from neuron_specialization.tables.render import MISSING, TextTable, format_signed

CONFIDENCE = 0.95
GAIN_COLUMNS = (
    *("block", "system", "against", "role", "group", "direction"),
    *("seeds", "gain", "half_width"),
)

PARENT, FIRST, CONTROL, SHUFFLED = "parent", "first", "control", "shuffled"
RIVAL = "rival"
"""Role of other continuations, against which only claims compare (`tables/claims.py`)."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of a table compared with another system, in one or more seeds."""

    label: str
    other: str
    role: str
    """Role of the other system: PARENT, CONTROL, SHUFFLED, or merely the FIRST row."""
    tests: pd.DataFrame
    """Paired tests of directions, of all seeds: significance.COMPARISON_COLUMNS and `seed`."""
    means: pd.DataFrame
    """Tests of means over directions, likewise."""


def gather_comparisons(
    tests: Sequence[tuple[str, pd.DataFrame]], labels: Mapping[str, str]
) -> list[Comparison]:
    """Return one comparison per label and other system, over all seeds; rivals are left out.

    Args:
        tests: the label of a run and its paired tests, with the columns role and other.
        labels: label of each system.
    """
    shown = [(label, frame[frame["role"] != RIVAL]) for label, frame in tests]
    frames = [frame.assign(label=label) for label, frame in shown if len(frame)]
    if not frames:
        return []
    every = pd.concat(frames, ignore_index=True)
    # results of former versions have no means
    cells = every["cell"].fillna("") if "cell" in every else ""
    every = every.assign(cell=cells)
    is_mean = every["cell"] != ""
    groups = every.groupby(["label", "role", "other"], sort=False)
    return [
        Comparison(
            label=label,
            other=labels[other],
            role=role,
            tests=rows[~is_mean[rows.index]],
            means=rows[is_mean[rows.index]],
        )
        for (label, role, other), rows in groups
    ]


def with_tests(comparisons: Sequence[Comparison], metric: str) -> list[Comparison]:
    """Return the comparisons that have tests in a metric, with only those tests."""
    chosen = [
        replace(
            each,
            tests=each.tests[each.tests["metric"] == metric],
            means=each.means[each.means["metric"] == metric],
        )
        for each in comparisons
    ]
    return [each for each in chosen if len(each.tests)]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of values, and half the width of its 95 % interval, nan for a single value.

    The interval is Student's.
    """
    if len(values) < 2:
        return fmean(values), np.nan
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return fmean(values), float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)


def gains_table(comparisons: Sequence[Comparison], blocks: Mapping[str, Cells]) -> pd.DataFrame:
    """Return the difference of each row to the other system in each cell (GAIN_COLUMNS).

    Seeds are compared with the same seed. A cell leaves out seeds that lack one of its directions.

    Args:
        comparisons: paired tests in one metric.
        blocks: the directions behind the cells, by block ("" if a table has none).
    """
    rows = []
    for comparison in comparisons:
        tests = comparison.tests
        difference = tests["score"] - tests["other_score"]
        by_seed = difference.groupby([tests["seed"], tests["pair"]]).first().unstack()
        for block, cells in blocks.items():
            for cell, parts in cells.items():
                pairs = [pair for part in parts for pair in part]
                known = by_seed.reindex(columns=pairs).dropna()
                values = [average(row, {cell: parts})[cell] for _, row in known.iterrows()]
                if values:
                    names = comparison.label, comparison.other, comparison.role
                    rows.append((block, *names, *cell, len(values), *interval(values)))
    return pd.DataFrame(rows, columns=list(GAIN_COLUMNS))


def gains_text(gains: pd.DataFrame, decimals: int = 1) -> TextTable:
    """Return means and half widths (`+0.3 ± 0.4`) of `gains_table`, a row per pair of systems."""
    return rows_of_systems(
        gains,
        lambda row: _gain(row.gain, row.half_width, decimals),
        block_labels=1,
        caption="Differences, mean over seeds ± half the width of its 95 % interval",
    )


def rows_of_systems(
    table: pd.DataFrame, show: Callable[[Any], str], *, block_labels: int, caption: str
) -> TextTable:
    """Return a row per pair of systems; blocks, if any, are an additional label."""
    columns = [*dict.fromkeys(zip(table["group"], table["direction"], strict=True))]
    block = ["block"] if any(table["block"]) else []
    rows = []
    for labels, part in table.groupby([*block, "system", "against"], sort=False):
        cell = {(row.group, row.direction): show(row) for row in part.itertuples()}
        rows.append((*map(str, labels), *(cell.get(column, MISSING) for column in columns)))
    return TextTable(
        labels=(*(["Direction"] if block else []), "System", "Against"),
        columns=tuple(columns),
        rows=tuple(rows),
        block_labels=len(block) + block_labels,
        caption=caption,
    )


def _gain(gain: float, half_width: float, decimals: int) -> str:
    text = format_signed(gain, decimals)
    return text if np.isnan(half_width) else f"{text} ± {half_width:.{decimals}f}"
