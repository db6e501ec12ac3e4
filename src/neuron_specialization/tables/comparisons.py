"""Significant wins, losses and ties of systems, and the marks that stand for them in tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from neuron_specialization.tables.cells import Cells

PARENT, FIRST, CONTROL, SHUFFLED = "parent", "first", "control", "shuffled"
MARKS = {PARENT: "†", FIRST: "†", CONTROL: "‡", SHUFFLED: "¶"}
WORSE = "↓"
"""Behind the mark of a cell that is worse."""
_MEANING = {
    PARENT: "than the system it continues from",
    FIRST: "than {other}",
    CONTROL: "than the continued baseline",
    SHUFFLED: "than as many neurons drawn at random",
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of a table against another system, in one or several seeds."""

    label: str
    """Label of the row."""
    other: str
    """Label of the system that it is compared with."""
    role: str
    """What that is to it: PARENT, CONTROL, SHUFFLED, or no more than the FIRST row."""
    tests: pd.DataFrame
    """Paired tests of all seeds: significance.COMPARISON_COLUMNS."""


def with_tests(comparisons: Sequence[Comparison], metric: str) -> list[Comparison]:
    """The comparisons that have tests in a metric, with those tests alone."""
    chosen = [
        replace(each, tests=each.tests[each.tests["metric"] == metric]) for each in comparisons
    ]
    return [each for each in chosen if len(each.tests)]


def outcomes(comparison: Comparison, metric: str, level: float) -> dict[str, list[int]]:
    """Win (1), loss (-1) or tie (0) of each direction, one entry per seed.

    A difference counts where its p-value is below `level`. Equal scores tie whatever the p-value:
    sacreBLEU's is at its smallest for a system against itself.
    """
    found: dict[str, list[int]] = {}
    tests = comparison.tests[comparison.tests["metric"] == metric]
    for test in tests.itertuples():
        difference = test.score - test.other_score
        won = 0 if test.p_value >= level or not difference else 1 if difference > 0 else -1
        found.setdefault(test.pair, []).append(won)
    return found


def wins_table(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], metric: str, level: float
) -> pd.DataFrame:
    """Count wins, losses and ties in the directions of each cell, over all seeds.

    The columns are block ("" where a table has none), system, against, group, direction, wins,
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
    """The marks of cells, by (block, label, column).

    A cell is marked where all of its directions, in all seeds, are wins, or all are losses.
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
    """What the marks mean, and which test it was; nothing where nothing was tested."""
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
        f"Significantly better, with {WORSE} worse, in every direction and seed of the cell: "
        f"{meanings}; p < {level:g} each",
        f"Tests: {', '.join(tests)} (bs: paired bootstrap, ar: approximate randomisation)",
    ]


def _by_cell(
    found: Mapping[str, Sequence[int]], cells: Cells
) -> Iterator[tuple[tuple[str, str], list[int]]]:
    for cell, parts in cells.items():
        yield cell, [won for part in parts for pair in part for won in found.get(pair, ())]


def _complete(found: Mapping[str, Sequence[int]], parts: Sequence[Sequence[str]]) -> bool:
    return all(pair in found for part in parts for pair in part)
