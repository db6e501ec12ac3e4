"""A table in all formats: scores, significance, the paper's values next to ours, footer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.metrics import RAW, decimals_of, metric_name
from neuron_specialization.files import write_text
from neuron_specialization.tables.cells import Cells, table_blocks
from neuron_specialization.tables.comparisons import (
    gains_table,
    gains_text,
    gather_comparisons,
    with_tests,
)
from neuron_specialization.tables.footers import describe, describe_left_out
from neuron_specialization.tables.matrix import matrix_notes, matrix_text, only_means
from neuron_specialization.tables.outcomes import (
    find_marks,
    judge,
    legend,
    outcomes_text,
    wins_table,
    wins_text,
)
from neuron_specialization.tables.paper_values import (
    DOUBTFUL,
    PaperValue,
    doubtful_cells,
    paper_table,
    paper_text,
)
from neuron_specialization.tables.render import write_page, write_texts
from neuron_specialization.tables.rows import ScoredRun, SystemRow, gather_rows
from neuron_specialization.tables.score_tables import score_table, score_text, write_csv


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Content and labels of a table."""

    title: str
    """Dataset, split and name of the table; the metric is prepended."""
    layout: str
    """`levels`, `languages` or `matrix`."""
    metric: str
    levels: Mapping[str, str]
    """Resource level of each language but the pivot, "" for none."""
    pivot: str
    directions: Sequence[str]
    """The directions of `levels` and `matrix`; `languages` uses those in the first row."""
    untested: Sequence[str] = ()
    """Languages without a test: their cells are empty, and no average includes them."""
    parameters: Mapping[str, float] | pd.Series
    """Total parameters of each system, NaN if unknown."""
    labels: Mapping[str, str]
    """The row of each system, including systems that others are only compared with."""
    level: float = 0.05
    """Differences with a smaller p-value are significant."""
    paper: str = ""
    """The paper's table, e.g. `Table 2`."""


def write_tables(
    runs: Sequence[ScoredRun],
    tests: Sequence[tuple[str, pd.DataFrame]],
    paper_values: Sequence[PaperValue],
    settings: TableSettings,
    *,
    origin: Sequence[str],
    out: Mapping[str, Path],
) -> None:
    """Write a table as CSV (full precision), Markdown, LaTeX and HTML; its tests as CSV and HTML.

    Args:
        runs: the scores behind the rows; the first row is the reference for the others.
        tests: paired tests for `comparisons.gather_comparisons`, each with a seed.
        paper_values: all known values of the paper.
        settings: settings of the table.
        origin: footer lines on where the numbers come from, and on what they can show.
        out: files by format: `csv`, `markdown`, `latex` and `html`; `wins` and `gains` (CSV);
            `tests` (CSV) and `tests_page` (HTML), every test with its interval and p-values.
    """
    metric, decimals = settings.metric, decimals_of(settings.metric)
    rows = gather_rows(runs, settings.parameters)
    blocks = _make_blocks(rows, settings)
    known = any((row.scores["metric"] == metric + RAW).any() for row in rows)
    table = score_table(
        rows,
        blocks,
        metric,
        raw=metric + RAW if known else "",
    )
    comparisons = with_tests(gather_comparisons(tests, settings.labels), metric)
    outcomes = judge(comparisons, blocks, settings.level)
    wins = wins_table(outcomes, blocks, settings.level)
    gains = gains_table(comparisons, blocks)
    marks = find_marks(outcomes, blocks)
    values = [v for v in paper_values if (v.table, v.metric) == (settings.paper, metric)]
    compared, doubts = paper_table(table, values)
    doubtful = dict.fromkeys(doubtful_cells(values), DOUBTFUL)
    text, shown_wins, shown_gains = score_text(table, marks, decimals=decimals), wins, gains
    if is_matrix := settings.layout == "matrix":
        text = matrix_text(text, blocks)
        shown_wins, shown_gains = (only_means(each, settings.pivot) for each in (wins, gains))
        table = table.rename_axis(index={"direction": "source"})
    texts = [
        text,
        *([wins_text(shown_wins)] if len(shown_wins) else []),
        *([gains_text(shown_gains, decimals)] if shown_gains["seeds"].max() > 1 else []),
        *([paper_text(compared, settings.paper, doubtful)] if len(compared) else []),
    ]
    footer = [
        *describe(rows, metric, _tested(blocks, settings.untested)),
        *(matrix_notes(settings.pivot) if is_matrix else []),
        *describe_left_out(rows, metric, settings.levels, settings.pivot, blocks),
        *([f"No test in this split: {', '.join(settings.untested)}"] if settings.untested else []),
        *legend(comparisons, settings.level),
        *doubts,
        *origin,
    ]
    write_csv(table, out["csv"])
    for name, frame in (("wins", wins), ("gains", gains), ("tests", outcomes)):
        write_text(out[name], frame.to_csv(index=False, lineterminator="\n"))
    title = f"{metric_name(metric)} on {settings.title}"
    write_texts(texts, out, title=title, footer=footer)
    write_page(
        [outcomes_text(outcomes, decimals + 1)],
        out["tests_page"],
        title=f"{title}, tests",
        footer=[*legend(comparisons, settings.level), *origin],
    )


def _tested(blocks: Mapping[str, Cells], untested: Sequence[str]) -> dict[str, Cells]:
    """Return the blocks without the columns of languages that have no test."""
    return {
        block: {cell: parts for cell, parts in cells.items() if cell[0] not in untested}
        for block, cells in blocks.items()
    }


def _make_blocks(rows: Sequence[SystemRow], settings: TableSettings) -> dict[str, Cells]:
    """Return the directions behind the table's cells, by block."""
    return table_blocks(
        settings.layout,
        levels=settings.levels,
        pivot=settings.pivot,
        directions=settings.directions,
        scored={pair for row in rows for pair in row.scores["pair"]},
        first=set(rows[0].scores["pair"]),
        untested=settings.untested,
    )
