"""Comparisons of systems: significant wins and losses, their marks, differences over seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from neuron_specialization.evaluation.metrics import LOWER_IS_BETTER
from neuron_specialization.tables.cells import Cells, average
from neuron_specialization.tables.render import MISSING, TextTable, format_signed

CONFIDENCE = 0.95
GAIN_COLUMNS = (
    *("block", "system", "against", "role", "group", "direction"),
    *("seeds", "gain", "half_width"),
)

PARENT, FIRST, CONTROL, SHUFFLED = "parent", "first", "control", "shuffled"
MARKS = {PARENT: "†", FIRST: "†", CONTROL: "‡", SHUFFLED: "¶"}
WORSE = "↓"
"""Appended to the mark of a cell that is worse."""
_MEANING = {
    PARENT: "than the system it continues from",
    FIRST: "than {other}",
    CONTROL: "than the continued baseline",
    SHUFFLED: "than the same number of random neurons",
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of a table compared with another system, in one or more seeds."""

    label: str
    other: str
    role: str
    """Role of the other system: PARENT, CONTROL, SHUFFLED, or merely the FIRST row."""
    tests: pd.DataFrame
    """Paired tests of all seeds: significance.COMPARISON_COLUMNS."""


def gather_comparisons(
    tests: Sequence[tuple[str, pd.DataFrame]], labels: Mapping[str, str]
) -> list[Comparison]:
    """Return one comparison per label and other system, over all seeds.

    Args:
        tests: the label of a run and its paired tests, with the columns role and other.
        labels: label of each system.
    """
    frames = [frame.assign(label=label) for label, frame in tests if len(frame)]
    if not frames:
        return []
    groups = pd.concat(frames).groupby(["label", "role", "other"], sort=False)
    return [
        Comparison(label=label, other=labels[other], role=role, tests=rows)
        for (label, role, other), rows in groups
    ]


def with_tests(comparisons: Sequence[Comparison], metric: str) -> list[Comparison]:
    """Return the comparisons that have tests in a metric, with only those tests."""
    chosen = [
        replace(each, tests=each.tests[each.tests["metric"] == metric]) for each in comparisons
    ]
    return [each for each in chosen if len(each.tests)]


def outcomes(comparison: Comparison, metric: str, level: float) -> dict[str, list[int]]:
    """Return the win (1), loss (-1) or tie (0) of each direction, one entry per seed.

    A difference counts if its p-value is below `level`. Equal scores tie whatever the p-value:
    sacreBLEU gives a system against itself the smallest possible one.
    """
    found: dict[str, list[int]] = {}
    tests = comparison.tests[comparison.tests["metric"] == metric]
    sign = -1 if metric in LOWER_IS_BETTER else 1
    for test in tests.itertuples():
        difference = sign * (test.score - test.other_score)
        won = 0 if test.p_value >= level or not difference else 1 if difference > 0 else -1
        found.setdefault(test.pair, []).append(won)
    return found


def wins_table(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], metric: str, level: float
) -> pd.DataFrame:
    """Count wins, losses and ties in the directions of each cell, over all seeds.

    The columns are block ("" if a table has none), system, against, group, direction, wins,
    losses and ties.
    """
    columns = ["block", "system", "against", "group", "direction", "wins", "losses", "ties"]
    rows = [
        (block, comparison.label, comparison.other, *cell, *(won.count(n) for n in (1, -1, 0)))
        for block, cells in blocks.items()
        for comparison in comparisons
        for cell, won in _by_cell(outcomes(comparison, metric, level), cells)
    ]
    return pd.DataFrame(rows, columns=columns)


def find_marks(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], metric: str, level: float
) -> dict[tuple[str, str, tuple[str, str]], str]:
    """Return the marks of cells, by (block, label, column).

    A cell is marked if all of its directions, in all seeds, are wins, or if all are losses.
    """
    marks: dict[tuple[str, str, tuple[str, str]], str] = {}
    for comparison in comparisons:
        found = outcomes(comparison, metric, level)
        for block, cells in blocks.items():
            for cell, won in _by_cell(found, cells):
                if won and set(won) in ({1}, {-1}) and _complete(found, cells[cell]):
                    key = (block, comparison.label, cell)
                    mark = MARKS[comparison.role] + ("" if won[0] > 0 else WORSE)
                    marks[key] = marks.get(key, "") + mark
    return marks


def legend(comparisons: Sequence[Comparison], level: float) -> list[str]:
    """Return lines that explain the marks and name the tests; empty if nothing was tested."""
    tests = sorted({test for each in comparisons for test in each.tests["test"].unique()})
    if not tests:
        return []
    others = {each.role: each.other for each in comparisons}
    meanings = ", ".join(
        f"{mark} {_MEANING[role].format(other=others[role])}"
        for role, mark in MARKS.items()
        if role in others
    )
    return [
        f"Significantly better ({WORSE}: worse) in every direction and seed of the cell: "
        f"{meanings}; p < {level:g} each",
        f"Tests: {', '.join(tests)} (bs: paired bootstrap, ar: approximate randomisation)",
    ]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of values, and half the width of its 95 % interval, nan for a single value.

    The interval is Student's.
    """
    if len(values) < 2:
        return fmean(values), np.nan
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return fmean(values), float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)


def gains_table(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], metric: str
) -> pd.DataFrame:
    """Return the difference of each row to the other system in each cell (GAIN_COLUMNS).

    Seeds are compared with the same seed. A cell leaves out seeds that lack one of its directions.

    Args:
        comparisons: paired tests, with a column `seed`.
        blocks: the directions behind the cells, by block ("" if a table has none).
        metric: the metric.
    """
    rows = []
    for comparison in comparisons:
        tests = comparison.tests[comparison.tests["metric"] == metric]
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


def wins_text(wins: pd.DataFrame) -> TextTable:
    """Return the wins, losses and ties (`10/0/2`) of `wins_table`, a row per pair of systems."""
    return _text(
        wins,
        lambda row: f"{row.wins}/{row.losses}/{row.ties}",
        block_labels=0,
        caption="Significant wins/losses/ties by direction and seed",
    )


def gains_text(gains: pd.DataFrame, decimals: int = 1) -> TextTable:
    """Return means and half widths (`+0.3 ± 0.4`) of `gains_table`, a row per pair of systems."""
    return _text(
        gains,
        lambda row: _gain(row.gain, row.half_width, decimals),
        block_labels=1,
        caption="Differences, mean over seeds ± half the width of its 95 % interval",
    )


def _by_cell(
    found: Mapping[str, Sequence[int]], cells: Cells
) -> Iterator[tuple[tuple[str, str], list[int]]]:
    for cell, parts in cells.items():
        yield cell, [won for part in parts for pair in part for won in found.get(pair, ())]


def _complete(found: Mapping[str, Sequence[int]], parts: Sequence[Sequence[str]]) -> bool:
    return all(pair in found for part in parts for pair in part)


def _text(
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
