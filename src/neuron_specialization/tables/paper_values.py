"""The paper's values next to ours."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.tables.render import TextTable, capitalise, format_number
from neuron_specialization.tables.score_tables import ABSOLUTE, Marks

DOUBTFUL = "§"
"""Mark of a printed value that contradicts others."""
PAPER_COLUMNS = (
    *("table", "metric", "block", "system", "kind", "column"),
    *("printed", "released", "note"),
)


@dataclass(frozen=True, kw_only=True)
class PaperValue:
    """A cell of one of the paper's tables."""

    table: str
    """`Table 2`."""
    metric: str
    block: str
    """`O2M` or `M2O` in a table by language, otherwise empty."""
    system: str
    """The row, by the paper's name."""
    kind: str
    """`absolute`, or `delta` to the first row."""
    column: tuple[str, str]
    printed: float
    """The value as printed."""
    released: float | None
    """The mean of the released scores, if there are any."""
    note: str
    """What contradicts the printed value, if anything."""


def read_paper_values(path: Path) -> list[PaperValue]:
    """Read the table of the paper's values; raise InputError, naming the line, for a bad one."""
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
                    printed=float(row["printed"]),
                    released=float(row["released"]) if row["released"] else None,
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
    """Put the paper's values next to one of our tables.

    Args:
        table: result of `score_tables.score_table`.
        values: the paper's values for one table and metric.

    Returns:
        A row per block, system and source (`here`, `paper`, `difference` to what it prints, and
        `released`, the means of its released scores, if there are any), with the columns of
        `table` that the paper has; and a note for each doubtful value. The first row of a block
        has scores, the others have deltas to it, as in the paper. Both are empty if our first row
        is another system than the paper's.
    """
    blocks = "direction" in table.index.names
    columns = [column for column in table.columns if column in {value.column for value in values}]
    rows: dict[tuple[str, ...], pd.Series] = {}
    for value in values if _same_reference(table, values) else ():
        row = (value.block, value.system) if blocks else (value.system,)
        if (*row, value.kind) in table.index and value.column in columns:
            rows[*row, "here"] = table.loc[(*row, value.kind), columns].astype(float)
            rows.setdefault((*row, "paper"), pd.Series(float("nan"), index=columns))
            rows[*row, "paper"][value.column] = value.printed
            rows[*row, "difference"] = rows[*row, "here"] - rows[*row, "paper"]
            if value.released is not None:
                rows.setdefault((*row, "released"), pd.Series(float("nan"), index=columns))
                rows[*row, "released"][value.column] = value.released
    if not rows:
        return pd.DataFrame(), []
    names = ["direction", "system", "source"] if blocks else ["system", "source"]
    index = pd.MultiIndex.from_tuples(list(rows), names=names)
    return pd.DataFrame(list(rows.values()), index=index), _doubts(values, rows)


def doubtful_cells(values: Sequence[PaperValue]) -> set[tuple[str, str, tuple[str, str]]]:
    """Return block, system and column of each printed value that contradicts others."""
    return {(v.block, v.system, v.column) for v in values if v.note}


def check_paper(
    values: Sequence[PaperValue], table: str, metric: str, labels: Sequence[str], where: str
) -> list[str]:
    """Return the labels that a table of the paper lacks.

    Raises InputError, naming `where`, if the paper has no such table in the metric, or its first
    row is not the first label: nothing could be compared.
    """
    known = dict.fromkeys((value.metric, value.table) for value in values)
    if (metric, table) not in known:
        raise InputError(
            f"{where}: the paper has no {table!r} in {metric}, only "
            f"{', '.join(f'{each} ({name})' for name, each in known)}"
        )
    systems = dict.fromkeys(v.system for v in values if (v.metric, v.table) == (metric, table))
    first = next(iter(systems))
    if not labels or labels[0] != first:
        raise InputError(
            f"{where}: the first row of the paper's {table} is {first}, here it is "
            f"{labels[0] if labels else 'missing'}: give the first system the label {first}"
        )
    return [label for label in dict.fromkeys(labels) if label not in systems]


def paper_text(compared: pd.DataFrame, name: str, marks: Marks) -> TextTable:
    """Return our values, the paper's and their differences, from `paper_table`, as text.

    `marks` are the marks of the paper's values, by block, system and column.
    """
    first = compared.index.get_level_values("system")[0]
    rows = []
    for (*labels, source), row in compared.iterrows():
        block, system = (labels[0] if len(labels) > 1 else "", labels[-1])
        signed = source == "difference" or system != first
        cells = [
            format_number(value, _decimals(source, value), signed=signed)
            + (marks.get((block, system, column), "") if source == "paper" else "")
            for column, value in row.items()
        ]
        rows.append((*map(str, labels), source, *cells))
    return TextTable(
        labels=tuple(capitalise(str(name)) for name in compared.index.names),
        columns=tuple(compared.columns),
        rows=tuple(rows),
        block_labels=len(compared.index.names) - 1,
        caption=f"Comparison with the paper's {name}",
    )


def _same_reference(table: pd.DataFrame, values: Sequence[PaperValue]) -> bool:
    first = table.index.get_level_values("system")[0]
    return any(value.system == first and value.kind == ABSOLUTE for value in values)


def _decimals(source: str, value: float) -> int:
    """Return the decimals to show: those that the paper prints, which are usually one."""
    if source == "paper":
        return 1 if math.isnan(value) or math.isclose(value, round(value, 1)) else 2
    return 1 if source == "here" else 2


def _doubts(values: Sequence[PaperValue], rows: dict[tuple[str, ...], pd.Series]) -> list[str]:
    present = {name[-2] for name in rows}
    return [
        f"{DOUBTFUL} {' '.join(filter(None, (value.block, value.system, *value.column)))}: the "
        f"paper prints {value.printed:g}, {value.note}"
        for value in values
        if value.note and value.system in present
    ]
