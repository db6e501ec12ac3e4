"""The layout `matrix` of tables of scores: a block per system, sources by targets."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from neuron_specialization.tables.cells import OVERALL, Cells, without
from neuron_specialization.tables.render import TextTable

INTO = "into"
"""Header of the targets."""


def matrix_text(text: TextTable, blocks: Mapping[str, Cells]) -> TextTable:
    """Turn a table with a block per source and a row per system into one with a block per system.

    Args:
        text: result of `score_text`; its first column, parameters, is left out.
        blocks: the directions behind the cells, by source; a cell without any is blank.
    """
    columns = text.columns[1:]
    targets = {place for cells in blocks.values() for place in cells if place[0] != OVERALL}
    rows = []
    for source, system, _, *cells in text.rows:
        blank = targets - blocks[source].keys()
        shown = ("" if place in blank else cell for place, cell in zip(columns, cells, strict=True))
        rows.append((system, source, *shown))
    order = list(dict.fromkeys(system for system, *_ in rows))
    return replace(
        text,
        labels=("System", "From"),
        columns=tuple((INTO, place[0]) if place in targets else place for place in columns),
        rows=tuple(sorted(rows, key=lambda row: order.index(row[0]))),
        block_labels=1,
        base_row=False,
    )


def only_means(table: pd.DataFrame, pivot: str) -> pd.DataFrame:
    """Return the rows of a table of wins or gains that are over all directions of a matrix."""
    return table[table["block"].isin([OVERALL, without(pivot)]) & (table["group"] == OVERALL)]


def matrix_notes(pivot: str) -> list[str]:
    """Explain the rows and columns."""
    return [
        f"Rows: source, columns: target. {OVERALL}: mean over the directions of a row, a column or "
        f"the whole matrix, each counting once; {without(pivot)}: the same over directions without "
        f"{pivot}"
    ]
