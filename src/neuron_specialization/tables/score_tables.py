"""The paper's tables: scores per direction, averaged into the cells of a layout.

The metric is any value of the scores' `metric` column. Scores must be on the scale to be
printed. The cells of a layout (`cells`) are `level_cells` for Tables 2, 7 and 8,
`language_cells` for Tables 1 and 3.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text
from neuron_specialization.tables.cells import ALL, OVERALL, Cells, average
from neuron_specialization.tables.render import (
    MISSING,
    TextTable,
    capitalise,
    format_number,
    format_signed,
)
from neuron_specialization.tables.rows import SystemRow

EXTRA_PARAMETERS = ("Δ params", "")
ABSOLUTE, DELTA, DEVIATION = "absolute", "delta", "deviation"
RAW_GROUP = "Raw"
"""Additional columns: the average of all directions against raw references."""
Marks = Mapping[tuple[str, str, tuple[str, str]], str]


def score_table(
    systems: Sequence[SystemRow],
    blocks: Mapping[str, Cells],
    metric: str,
    *,
    raw: str = "",
) -> pd.DataFrame:
    """Tabulate every system twice: its absolute scores, then its deltas to the first system.

    A system that lacks a direction has NaN in the cells that average it; directions outside the
    cells are ignored.

    Args:
        systems: the rows, of which the first is the reference for the others.
        blocks: the directions behind the cells, by block (only "" if a table has none).
        metric: the metric.
        raw: another metric, whose averages over all directions are added as `RAW_GROUP`.

    Returns:
        Rows are indexed by (direction, system, kind), or (system, kind) of a table without blocks:
        direction is the block, kind is `absolute`, `delta` or, if systems have several seeds,
        `deviation`: the standard deviation of their scores over seeds. Columns are
        `EXTRA_PARAMETERS` in percent, then the cells. Raises InputError if systems or directions
        are empty, or no system has the metric.
    """
    _check_request(systems, metric, blocks)
    tables = {}
    for block, cells in blocks.items():
        chosen = {metric: cells} | ({raw: _overall(cells)} if raw else {})
        tables[block] = _tabulate(systems, chosen)
    if "" in tables:
        return tables[""]
    # in a matrix, the rows of means have all columns in order
    widest = max(tables.values(), key=lambda table: len(table.columns)).columns
    return pd.concat(tables, names=["direction"])[list(widest)]


def main_table(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows that the paper prints: the first system absolute, others as deltas to it.

    `table` comes from `score_table`; rows keep their order.
    """
    systems, kinds = (table.index.get_level_values(level) for level in ("system", "kind"))
    first = systems == systems[0]
    return table[(first & (kinds == ABSOLUTE)) | (~first & (kinds == DELTA))]


def score_text(table: pd.DataFrame, marks: Marks | None = None, *, decimals: int = 1) -> TextTable:
    """Return the rows that the paper prints: the first system absolute, others as deltas to it.

    After a number come the standard deviation over seeds, if any, and marks; "–" if missing.

    Args:
        table: result of `score_table`.
        marks: marks of cells, by block, system and column.
        decimals: decimals of scores; the paper has one.
    """
    names = [str(name) for name in table.index.names if name != "kind"]
    rows = []
    for (*labels, kind), row in main_table(table).iterrows():
        deviations = _deviations(table, labels)
        block, system = (labels[0] if len(labels) > 1 else "", labels[-1])
        cells = [
            _format_cell(value, column, kind, deviations.get(column), decimals)
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


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table at full precision; missing cells are empty.

    Columns: `system`, `kind` (`absolute`, `delta` to the first system, `deviation` over seeds),
    `extra_parameters` (percent), then `high_o2m`, `high_m2o`, `high_avg`, `med_o2m` and so on. A
    table by language has `direction` (`o2m` or `m2o`) in front, and its score columns are the
    language codes, then `high`, `med`, `low` and `avg`. Averages against raw references come last.
    """
    flat = table.copy()
    flat.columns = pd.Index([_flat_name(column) for column in table.columns])
    flat = flat.reset_index()
    if "direction" in table.index.names:
        flat["direction"] = flat["direction"].str.lower()
    write_text(path, flat.to_csv(index=False, lineterminator="\n"))


def _check_request(systems: Sequence[SystemRow], metric: str, blocks: Mapping[str, Cells]) -> None:
    if not systems or not any(blocks.values()):
        raise InputError("a table needs at least one system and one direction")
    found = sorted({str(name) for system in systems for name in system.scores["metric"]})
    if metric not in found:
        raise InputError(f"no system has scores of metric '{metric}': found {', '.join(found)}")


def _overall(cells: Cells) -> Cells:
    """Return the cells that average all directions, renamed for raw references."""
    names = {ALL: RAW_GROUP, OVERALL: RAW_GROUP.lower()}
    return {(names[group], side): parts for (group, side), parts in cells.items() if group in names}


def _tabulate(systems: Sequence[SystemRow], cells: Mapping[str, Cells]) -> pd.DataFrame:
    """Return a block of `score_table`; `cells` are by metric."""

    def row_of(scores: pd.DataFrame) -> pd.Series:
        parts = [
            average(_select_scores(scores, metric, chosen), chosen)
            for metric, chosen in cells.items()
        ]
        return pd.concat(parts)

    absolute = pd.DataFrame([row_of(system.scores) for system in systems])
    blocks = {ABSOLUTE: absolute, DELTA: absolute - absolute.iloc[0]}
    if any(system.scores_by_seed for system in systems):
        blocks[DEVIATION] = pd.DataFrame(
            [pd.DataFrame(map(row_of, system.scores_by_seed)).std() for system in systems]
        ).reindex(columns=absolute.columns)
    table = pd.concat(blocks.values(), ignore_index=True)
    extra = [system.extra_parameters for system in systems]
    table.insert(0, EXTRA_PARAMETERS, pd.Series(extra * len(blocks), dtype=float))
    labels = [system.label for system in systems]
    table.index = pd.MultiIndex.from_product(
        [list(blocks), labels], names=["kind", "system"]
    ).swaplevel()
    return table


def _select_scores(scores: pd.DataFrame, metric: str, cells: Cells) -> pd.Series:
    """Return the score of every pair of the cells, NaN if a system lacks it."""
    pairs = {pair for parts in cells.values() for part in parts for pair in part}
    chosen = scores[scores["metric"] == metric].set_index("pair")["score"]
    return chosen.reindex(sorted(pairs))


def _deviations(table: pd.DataFrame, labels: list[str]) -> Mapping[tuple[str, str], float]:
    if DEVIATION not in table.index.get_level_values("kind"):
        return {}
    return dict(table.loc[(*labels, DEVIATION)].drop(EXTRA_PARAMETERS))


def _format_cell(
    value: float, column: tuple[str, str], kind: str, deviation: float | None, decimals: int
) -> str:
    if column == EXTRA_PARAMETERS:
        return MISSING if math.isnan(value) else f"{format_signed(value, 0)} %"
    text = format_number(value, decimals, signed=kind == DELTA)
    known = deviation is not None and not math.isnan(deviation)
    return f"{text} ± {deviation:.{decimals}f}" if known else text


def _flat_name(column: tuple[str, str]) -> str:
    if column == EXTRA_PARAMETERS:
        return "extra_parameters"
    group, direction = column
    return f"{group}_{direction}".lower() if direction else group
