"""Tables as people read them: rows of text, made of tables of numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from neuron_specialization.tables.score_tables import (
    DELTA,
    DEVIATION,
    EXTRA_PARAMETERS,
    main_table,
)

MISSING = "–"
Marks = Mapping[tuple[str, str, tuple[str, str]], str]


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table whose cells are text, to be written as Markdown, LaTeX or HTML."""

    labels: tuple[str, ...]
    """Headers of the columns that name a row."""
    columns: tuple[tuple[str, str], ...]
    """Headers of the others, in two levels of which the second may be empty."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, those of the labels first."""
    block_labels: int = 0
    """How many of the labels name a block of rows; printed in its first row only."""
    base_row: bool = False
    """The first row of each block is what the others are compared with."""
    caption: str = ""
    """Title of a table that follows another one."""


def score_text(table: pd.DataFrame, marks: Marks | None = None) -> TextTable:
    """The rows that the paper prints: the first system absolute, others as deltas to it.

    One decimal, as the paper has, "–" for what is missing, marks behind, and the standard
    deviation over seeds where there is one.

    Args:
        table: of `tables.score_table` or `language_tables`.
        marks: of cells, by block, system and column.
    """
    names = [str(name) for name in table.index.names if name != "kind"]
    rows = []
    for (*labels, kind), row in main_table(table).iterrows():
        deviations = _deviations(table, labels)
        block, system = (labels[0] if len(labels) > 1 else "", labels[-1])
        cells = [
            _format_cell(value, column, kind, deviations.get(column))
            + (marks or {}).get((block, system, column), "")
            for column, value in row.items()
        ]
        rows.append((*map(str, labels), *cells))
    return TextTable(
        labels=tuple(map(capitalise, names)),
        columns=tuple(table.columns),
        rows=tuple(rows),
        block_labels=len(names) - 1,
        base_row=True,
    )


def wins_text(wins: pd.DataFrame) -> TextTable:
    """Wins, losses and ties (`10/0/2`) of `wins.wins_table`, a row per system and other."""
    blocks = [*dict.fromkeys(wins["block"])]
    columns = [*dict.fromkeys(zip(wins["group"], wins["direction"], strict=True))]
    names = ["block", "system", "against"] if any(blocks) else ["system", "against"]
    rows = []
    for labels, part in wins.groupby(names, sort=False):
        cell = {
            (row.group, row.direction): f"{row.wins}/{row.losses}/{row.ties}"
            for row in part.itertuples()
        }
        rows.append((*map(str, labels), *(cell.get(column, MISSING) for column in columns)))
    return TextTable(
        labels=tuple("Direction" if name == "block" else capitalise(name) for name in names),
        columns=tuple(columns),
        rows=tuple(rows),
        block_labels=len(names) - 2,
        caption="Significant wins/losses/ties by direction and seed",
    )


def paper_text(beside: pd.DataFrame, name: str, marks: Marks) -> TextTable:
    """Our values, the paper's and their difference, of `paper.paper_table`.

    `marks` are of the paper's values, by block, system and column.
    """
    first = beside.index.get_level_values("system")[0]
    rows = []
    for (*labels, source), row in beside.iterrows():
        block, system = (labels[0] if len(labels) > 1 else "", labels[-1])
        decimals = 2 if source == "difference" else 1
        signed = source == "difference" or system != first
        cells = [
            _format_number(value, decimals, signed=signed)
            + (marks.get((block, system, column), "") if source == "paper" else "")
            for column, value in row.items()
        ]
        rows.append((*map(str, labels), source, *cells))
    return TextTable(
        labels=tuple(capitalise(str(name)) for name in beside.index.names),
        columns=tuple(beside.columns),
        rows=tuple(rows),
        block_labels=len(beside.index.names) - 1,
        caption=f"Beside the paper's {name}",
    )


def parameter_text(table: pd.DataFrame) -> TextTable:
    """The parameters of systems.

    `table` is indexed by system and has the columns models, total, trainable and added; a number
    is over all models of a system.
    """
    columns = ("models", "total", "trainable", "added")
    return TextTable(
        labels=("System",),
        columns=tuple((capitalise(name), "") for name in columns),
        rows=tuple(
            (str(row.Index), *(_format_count(getattr(row, name)) for name in columns))
            for row in table.itertuples()
        ),
    )


def capitalise(name: str) -> str:
    """The name with its first letter large, the others as they are."""
    return name[:1].upper() + name[1:]


def column_names(table: TextTable) -> list[str]:
    """The lower level of the header: the side of a group, or the name of a lone column."""
    return [capitalise(side or group) for group, side in table.columns]


def group_widths(table: TextTable) -> list[tuple[str, int]]:
    """The upper level of the header: groups and how many columns each spans; lone columns ""."""
    if not any(side for _, side in table.columns):
        return []
    names = [group if side else "" for group, side in table.columns]
    widths = []
    for name, members in groupby(names):
        size = len(list(members))
        widths += [(name, size)] if name else [("", 1)] * size
    return widths


def rows_by_block(table: TextTable) -> list[tuple[bool, tuple[str, ...]]]:
    """Each row with whether it is the first of its block, whose name only that one has."""
    width = table.block_labels
    rows = []
    for _, block in groupby(table.rows, key=lambda row: row[:width]):
        first, *others = block
        rows += [(True, first), *((False, ("",) * width + row[width:]) for row in others)]
    return rows


def format_signed(value: float, decimals: int) -> str:
    """A difference: with its sign, but none in front of a rounded zero."""
    digits = f"{abs(value):.{decimals}f}"
    # A sign in front of a rounded zero would claim a difference that the digits do not show.
    sign = "" if float(digits) == 0 else "+" if value > 0 else "−"
    return sign + digits


def _deviations(table: pd.DataFrame, labels: list[str]) -> Mapping[tuple[str, str], float]:
    if DEVIATION not in table.index.get_level_values("kind"):
        return {}
    return dict(table.loc[(*labels, DEVIATION)].drop(EXTRA_PARAMETERS))


def _format_cell(value: float, column: tuple[str, str], kind: str, deviation: float | None) -> str:
    if column == EXTRA_PARAMETERS:
        return MISSING if math.isnan(value) else f"{format_signed(value, 0)} %"
    text = _format_number(value, 1, signed=kind == DELTA)
    known = deviation is not None and not math.isnan(deviation)
    return f"{text} ± {deviation:.1f}" if known else text


def _format_number(value: float, decimals: int, *, signed: bool) -> str:
    if math.isnan(value):
        return MISSING
    return format_signed(value, decimals) if signed else f"{value:.{decimals}f}"


def _format_count(number: int | None) -> str:
    return MISSING if number is None or pd.isna(number) else f"{int(number):,}"
