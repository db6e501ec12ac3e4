"""The paper's own values beside ours."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.tables.render import TextTable, capitalise, format_number
from neuron_specialization.tables.score_tables import ABSOLUTE, Marks

CORRECTED = "§"
"""Mark of a value that is another than the paper prints."""
PAPER_COLUMNS = ("table", "metric", "block", "system", "kind", "column", "value", "printed", "note")


@dataclass(frozen=True, kw_only=True)
class PaperValue:
    """A cell of the paper."""

    table: str
    """`Table 2`."""
    metric: str
    block: str
    """`O2M` or `M2O` of a table by language, or nothing."""
    system: str
    """Its row, by the paper's name."""
    kind: str
    """`absolute`, or `delta` to the first row."""
    column: tuple[str, str]
    value: float
    """The value: printed, or the mean of released scores; corrected where the print is off."""
    printed: float | None
    """What is printed, where that differs."""
    note: str
    """Why it was corrected."""


def read_paper_values(path: Path) -> list[PaperValue]:
    """Read the table of the paper's values; InputError names file and line of a bad one."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    values = []
    for line, row in enumerate(rows, start=2):
        try:
            group, _, side = row["column"].partition(" ")
            values.append(
                PaperValue(
                    **{name: row[name] for name in ("table", "metric", "block", "system", "kind")},
                    column=(group, side),
                    value=float(row["value"]),
                    printed=float(row["printed"]) if row["printed"] else None,
                    note=row["note"] or "",
                )
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}, line {line}: {error!r}; needs the columns {', '.join(PAPER_COLUMNS)}"
            ) from None
    return values


def paper_table(
    table: pd.DataFrame, values: Sequence[PaperValue]
) -> tuple[pd.DataFrame, list[str]]:
    """Put the paper's values beside those of a table of ours.

    Args:
        table: of `score_tables.score_table`.
        values: the paper's, of one table and metric.

    Returns:
        A row per block, system and source (`here`, `paper`, `difference`), NaN where the paper's
        value is not known, with the columns of `table` that the paper has; and a note for each
        value that was corrected. The first row of a block is of scores, the others of deltas to
        it, as in the paper; nothing where our first row is another system than the paper's.
    """
    blocks = "direction" in table.index.names
    columns = [column for column in table.columns if column in {value.column for value in values}]
    rows: dict[tuple[str, ...], pd.Series] = {}
    for value in values if _same_reference(table, values) else ():
        row = (value.block, value.system) if blocks else (value.system,)
        if (*row, value.kind) in table.index and value.column in columns:
            rows[*row, "here"] = table.loc[(*row, value.kind), columns].astype(float)
            rows.setdefault((*row, "paper"), pd.Series(float("nan"), index=columns))
            rows[*row, "paper"][value.column] = value.value
            rows[*row, "difference"] = rows[*row, "here"] - rows[*row, "paper"]
    if not rows:
        return pd.DataFrame(), []
    names = ["direction", "system", "source"] if blocks else ["system", "source"]
    index = pd.MultiIndex.from_tuples(list(rows), names=names)
    return pd.DataFrame(list(rows.values()), index=index), _corrections(values, rows)


def corrected_cells(values: Sequence[PaperValue]) -> set[tuple[str, str, tuple[str, str]]]:
    """Block, system and column of each value that is another than the paper prints."""
    return {(v.block, v.system, v.column) for v in values if v.printed is not None}


def paper_text(beside: pd.DataFrame, name: str, marks: Marks) -> TextTable:
    """Our values, the paper's and their difference, of `paper_table`.

    `marks` are of the paper's values, by block, system and column.
    """
    first = beside.index.get_level_values("system")[0]
    rows = []
    for (*labels, source), row in beside.iterrows():
        block, system = (labels[0] if len(labels) > 1 else "", labels[-1])
        decimals = 2 if source == "difference" else 1
        signed = source == "difference" or system != first
        cells = [
            format_number(value, decimals, signed=signed)
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


def _same_reference(table: pd.DataFrame, values: Sequence[PaperValue]) -> bool:
    first = table.index.get_level_values("system")[0]
    return any(value.system == first and value.kind == ABSOLUTE for value in values)


def _corrections(values: Sequence[PaperValue], rows: dict[tuple[str, ...], pd.Series]) -> list[str]:
    present = {name[-2] for name in rows}
    return [
        f"{CORRECTED} {' '.join(filter(None, (value.block, value.system, *value.column)))}: "
        f"{value.value:g} "
        f"instead of the printed {value.printed:g}{f' ({value.note})' if value.note else ''}"
        for value in values
        if value.printed is not None and value.system in present
    ]
