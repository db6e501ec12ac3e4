"""A table in all formats: scores, significance, the paper's values next to ours, footer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.metrics import RAW, decimals_of, metric_name
from neuron_specialization.files import write_text
from neuron_specialization.neurons.sides import other_language, side_of
from neuron_specialization.tables.cells import Cells, language_cells, level_cells
from neuron_specialization.tables.comparisons import (
    find_marks,
    gains_table,
    gains_text,
    gather_comparisons,
    legend,
    wins_table,
    wins_text,
    with_tests,
)
from neuron_specialization.tables.footers import describe, describe_left_out
from neuron_specialization.tables.paper_values import (
    DOUBTFUL,
    PaperValue,
    doubtful_cells,
    paper_table,
    paper_text,
)
from neuron_specialization.tables.render import write_texts
from neuron_specialization.tables.rows import ScoredRun, SystemRow, gather_rows
from neuron_specialization.tables.score_tables import score_table, score_text, write_csv


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Content and labels of a table."""

    title: str
    """Dataset, split and name of the table; the metric is prepended."""
    layout: str
    """`levels` or `languages`."""
    metric: str
    levels: Mapping[str, str]
    """Resource level of each language but the pivot, "" for none."""
    pivot: str
    directions: Sequence[str]
    """The directions of the layout `levels`; `languages` uses those in the first row."""
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
    """Write a table as CSV (full precision), Markdown, LaTeX and HTML; its wins and gains as CSV.

    Args:
        runs: the scores behind the rows; the first row is the reference for the others.
        tests: paired tests for `comparisons.gather_comparisons`, each with a seed.
        paper_values: all known values of the paper.
        settings: settings of the table.
        origin: footer lines on where the numbers come from.
        out: files by format: `csv`, `markdown`, `latex`, `html`, `wins` and `gains`.
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
    wins = wins_table(comparisons, blocks, metric, settings.level)
    gains = gains_table(comparisons, blocks, metric)
    marks = find_marks(comparisons, blocks, metric, settings.level)
    values = [v for v in paper_values if (v.table, v.metric) == (settings.paper, metric)]
    compared, doubts = paper_table(table, values)
    doubtful = dict.fromkeys(doubtful_cells(values), DOUBTFUL)
    texts = [
        score_text(table, marks, decimals=decimals),
        *([wins_text(wins)] if len(wins) else []),
        *([gains_text(gains, decimals)] if gains["seeds"].max() > 1 else []),
        *([paper_text(compared, settings.paper, doubtful)] if len(compared) else []),
    ]
    footer = [
        *describe(rows, metric, _tested(blocks, settings.untested)),
        *describe_left_out(rows, metric, settings.levels, settings.pivot),
        *([f"No test in this split: {', '.join(settings.untested)}"] if settings.untested else []),
        *legend(comparisons, settings.level),
        *doubts,
        *origin,
    ]
    write_csv(table, out["csv"])
    for name, frame in (("wins", wins), ("gains", gains)):
        write_text(out[name], frame.to_csv(index=False, lineterminator="\n"))
    title = f"{metric_name(metric)} on {settings.title}"
    write_texts(texts, out, title=title, footer=footer)


def _tested(blocks: Mapping[str, Cells], untested: Sequence[str]) -> dict[str, Cells]:
    """Return the blocks without the columns of languages that have no test."""
    return {
        block: {cell: parts for cell, parts in cells.items() if cell[0] not in untested}
        for block, cells in blocks.items()
    }


def _make_blocks(rows: Sequence[SystemRow], settings: TableSettings) -> dict[str, Cells]:
    """Return the directions behind the table's cells, by block.

    A side (from the pivot, or into it) that no row has is left out.
    """
    pivot = settings.pivot
    scored = {pair for row in rows for pair in row.scores["pair"] if pivot in pair.split("-")}
    sides = {side_of(pair, pivot) for pair in scored}
    if settings.layout == "levels":
        chosen = [
            pair
            for pair in settings.directions
            if side_of(pair, pivot) in sides
            and other_language(pair, pivot) not in settings.untested
        ]
        return {"": level_cells(chosen, settings.levels, pivot)}
    found = {language for pair in rows[0].scores["pair"] for language in pair.split("-")}
    found |= {language for language in settings.untested if language in settings.levels}
    languages = [language for language in settings.levels if language in found]
    blocks = language_cells(languages, settings.levels, pivot, untested=settings.untested)
    return {side: cells for side, cells in blocks.items() if side.lower() in sides}
