"""Outcomes of paired tests: wins and losses after Holm's adjustment, their counts and marks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neuron_specialization.evaluation.metrics import LOWER_IS_BETTER, RAW
from neuron_specialization.evaluation.resampling import holm
from neuron_specialization.evaluation.significance import cell_name
from neuron_specialization.tables.cells import Cell, Cells
from neuron_specialization.tables.comparisons import (
    CONTROL,
    FIRST,
    PARENT,
    SHUFFLED,
    Comparison,
    interval,
    rows_of_systems,
)
from neuron_specialization.tables.render import TextTable, format_number, format_signed

OUTCOME_COLUMNS = (
    *("system", "against", "role", "block", "group", "direction", "pair", "seed"),
    *("score", "other_score", "difference", "low", "high"),
    *("p_value", "adjusted_p", "raw_outcome", "outcome", "test"),
)
"""A direction (`pair`) or a mean (`block`, `group` and `direction` of its cell), its difference to
the other system with a 95 % interval, p-values, and outcomes: 1 is a win, -1 a loss, 0 a tie."""
MARKS = {PARENT: "†", FIRST: "†", CONTROL: "‡", SHUFFLED: "¶"}
WORSE = "↓"
"""Appended to the mark of a cell that is worse."""
_MEANING = {
    PARENT: "than the system it continues from",
    FIRST: "than {other}",
    CONTROL: "than the continued baseline",
    SHUFFLED: "than the same number of random neurons",
}
_TESTS = {
    "ar": "approximate randomisation",
    "bs": "sacreBLEU's paired bootstrap, which calls about 10 % of null comparisons significant at "
    "5 % and tests no means",
}


def judge(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], level: float
) -> pd.DataFrame:
    """Return the outcome of every test of a table in one metric (OUTCOME_COLUMNS).

    The tests of one system against one other, in all directions and seeds, are a family: their
    p-values are adjusted together. The tests of the means of a table are another family. Equal
    scores tie whatever the p-value: sacreBLEU gives a system against itself the smallest one.

    Args:
        comparisons: paired tests in one metric.
        blocks: the directions behind the table's cells, by block.
        level: differences with a smaller adjusted p-value are wins or losses.
    """
    pairs = {p for cells in blocks.values() for cell in cells.values() for p in _pairs(cell)}
    places = _mean_cells(blocks)
    tables = []
    for comparison in comparisons:
        directions = comparison.tests[comparison.tests["pair"].isin(pairs)]
        tables.append(_judge_family(directions, comparison, level))
        means = comparison.means[comparison.means["cell"].isin(places["cell"])]
        tables.append(_judge_family(means, comparison, level).merge(places, on="cell"))
    # an empty table would change the types of others
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=list(OUTCOME_COLUMNS))
    every = pd.concat(filled, ignore_index=True).reindex(columns=list(OUTCOME_COLUMNS))
    labels = ["block", "group", "direction", "pair"]
    return every.assign(**every[labels].fillna(""))


def _mean_cells(blocks: Mapping[str, Cells]) -> pd.DataFrame:
    """Return the places of the cells that are means over several directions."""
    rows = [
        (cell_name(cell), block, *place)
        for block, cells in blocks.items()
        for place, cell in cells.items()
        if len(_pairs(cell)) > 1
    ]
    return pd.DataFrame(rows, columns=["cell", "block", "group", "direction"])


def _judge_family(family: pd.DataFrame, comparison: Comparison, level: float) -> pd.DataFrame:
    """Return the outcomes of a family of tests."""
    difference = family["score"] - family["other_score"]
    adjusted = pd.Series(holm(family["p_value"].tolist()), index=family.index, dtype=float)
    metric = family["metric"].str.removesuffix(RAW)
    sign = np.sign(difference) * np.where(metric.isin(LOWER_IS_BETTER), -1, 1)
    return family.assign(
        system=comparison.label,
        against=comparison.other,
        role=comparison.role,
        difference=difference,
        adjusted_p=adjusted,
        raw_outcome=sign.where(family["p_value"] < level, 0).astype(int),
        outcome=sign.where(adjusted < level, 0).astype(int),
    )


def wins_table(outcomes: pd.DataFrame, blocks: Mapping[str, Cells], level: float) -> pd.DataFrame:
    """Count wins, losses and ties in the directions of each cell, over all seeds.

    The columns are block ("" if a table has none), system, against, group, direction; wins, losses
    and ties after adjustment; raw_wins and raw_losses without; and chance, the number of raw wins,
    and of raw losses, that are expected if no system differs.
    """
    columns = ["block", "system", "against", "group", "direction", "wins", "losses", "ties"]
    columns += ["raw_wins", "raw_losses", "chance"]
    directions = outcomes[outcomes["pair"] != ""]
    rows = []
    for block, cells in blocks.items():
        for names, tests in directions.groupby(["system", "against"], sort=False):
            for place, cell in cells.items():
                chosen = tests[tests["pair"].isin(_pairs(cell))]
                won, raw = list(chosen["outcome"]), list(chosen["raw_outcome"])
                counts = [*(won.count(n) for n in (1, -1, 0)), *(raw.count(n) for n in (1, -1))]
                rows.append((block, *names, *place, *counts, len(won) * level / 2))
    return pd.DataFrame(rows, columns=columns)


def find_marks(
    outcomes: pd.DataFrame, blocks: Mapping[str, Cells]
) -> dict[tuple[str, str, tuple[str, str]], str]:
    """Return the marks of cells, by (block, label, column).

    A cell of one direction is marked by the test of the direction, a mean by its own. With several
    seeds, all must agree, and the 95 % interval over seeds must exclude 0.
    """
    marks: dict[tuple[str, str, tuple[str, str]], str] = {}
    for (label, _, role), tests in outcomes.groupby(["system", "against", "role"], sort=False):
        seeds = tests["seed"].nunique()
        for block, cells in blocks.items():
            for place, cell in cells.items():
                won = _outcome(_of_cell(tests, block, place, cell), seeds)
                if won:
                    key = (block, str(label), place)
                    marks[key] = marks.get(key, "") + MARKS[str(role)] + ("" if won > 0 else WORSE)
    return marks


def _of_cell(tests: pd.DataFrame, block: str, place: tuple[str, str], cell: Cell) -> pd.DataFrame:
    """Return the tests that decide a cell, one per seed."""
    pairs = _pairs(cell)
    if len(pairs) == 1:
        return tests[tests["pair"] == pairs[0]]
    return tests[
        (tests["pair"] == "")
        & (tests["block"] == block)
        & (tests["group"] == place[0])
        & (tests["direction"] == place[1])
    ]


def _outcome(tests: pd.DataFrame, seeds: int) -> int:
    """Return the outcome on which all seeds agree, or 0."""
    won = set(tests["outcome"])
    if len(tests) != seeds or won not in ({1}, {-1}):
        return 0
    mean, half_width = interval(tests["difference"].tolist())
    return 0 if seeds > 1 and abs(mean) <= half_width else int(won.pop())


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
    seeds = max(each.tests["seed"].nunique() for each in comparisons)
    every = " in every seed, and by the 95 % interval over seeds" if seeds > 1 else ""
    kinds = {name: text for name, text in _TESTS.items() if any(t.startswith(name) for t in tests)}
    return [
        f"Significantly better ({WORSE}: worse){every}: {meanings}; p < {level:g} after Holm's "
        "adjustment over all directions and seeds; a mean is marked by a test of the mean, "
        "adjusted over the means of the table",
        "Wins/losses/ties are adjusted as well; in brackets wins/losses without adjustment, and "
        "how many of each chance gives where no system differs",
        f"Tests: {', '.join(tests)} ({'; '.join(f'{n}: {text}' for n, text in kinds.items())}); "
        "what they cover: docs/statistics.md",
    ]


def wins_text(wins: pd.DataFrame) -> TextTable:
    """Return the counts of `wins_table`, `10/0/2 (11/1, 0.3)`, a row per pair of systems."""
    return rows_of_systems(
        wins,
        lambda row: (
            f"{row.wins}/{row.losses}/{row.ties} "
            f"({row.raw_wins}/{row.raw_losses}, {row.chance:.2g})"
        ),
        block_labels=0,
        caption="Significant wins/losses/ties by direction and seed (unadjusted, by chance)",
    )


def outcomes_text(outcomes: pd.DataFrame, decimals: int) -> TextTable:
    """Return every test of a table as text: scores, difference, interval and p-values."""
    words = {1: "win", -1: "loss", 0: "tie"}
    rows = []
    for row in outcomes.itertuples():
        place = row.pair or " ".join(filter(None, (row.block, row.group, row.direction)))
        low, high = (format_number(each, decimals, signed=True) for each in (row.low, row.high))
        rows.append(
            (
                *(str(row.system), str(row.against), place, str(row.seed)),
                *(format_number(each, decimals) for each in (row.score, row.other_score)),
                format_signed(row.difference, decimals),
                *(low, high),
                *(f"{p:.4f}" for p in (row.p_value, row.adjusted_p)),
                words[row.outcome],
            )
        )
    return TextTable(
        labels=("System", "Against", "Direction", "Seed"),
        columns=(
            *(("score", ""), ("other", ""), ("difference", "")),
            *(("95 % interval", "low"), ("95 % interval", "high")),
            *(("p", "of test"), ("p", "adjusted"), ("outcome", "")),
        ),
        rows=tuple(rows),
    )


def _pairs(cell: Cell) -> list[str]:
    return [pair for part in cell for pair in part]
