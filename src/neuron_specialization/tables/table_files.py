"""A table in all its forms: scores, significance, the paper's values beside ours, footer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neuron_specialization.evaluation.metrics import UNTOUCHED, metric_name
from neuron_specialization.files import write_text
from neuron_specialization.tables.cells import Cells, level_cells
from neuron_specialization.tables.comparisons import (
    Comparison,
    find_marks,
    legend,
    wins_table,
    with_tests,
)
from neuron_specialization.tables.footers import describe, describe_left_out
from neuron_specialization.tables.gains import gains_table, gains_text
from neuron_specialization.tables.language_tables import language_cells, language_score_table
from neuron_specialization.tables.paper_values import (
    CORRECTED,
    PaperValue,
    corrected_cells,
    paper_table,
)
from neuron_specialization.tables.score_tables import SystemRow, score_table
from neuron_specialization.tables.text_tables import (
    paper_text,
    score_text,
    wins_text,
)
from neuron_specialization.tables.writers import write_csv, write_texts


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """What a table is of."""

    title: str
    """Dataset, split and name of the table; the metric is put in front."""
    layout: str
    """`levels` or `languages`."""
    metric: str
    """The metric."""
    levels: Mapping[str, str]
    """Resource level of each language but the pivot, "" for none."""
    pivot: str
    """The language that every direction starts from or goes to."""
    directions: Sequence[str]
    """The directions of the layout `levels`; `languages` has those of the first row."""
    round_first: bool = False
    """Round scores to one decimal before they are averaged, as the paper does."""
    level: float = 0.05
    """Differences with a smaller p-value are significant."""
    paper: str = ""
    """The paper's counterpart, e.g. `Table 2`."""


def write_tables(
    rows: Sequence[SystemRow],
    comparisons: Sequence[Comparison],
    paper_values: Sequence[PaperValue],
    settings: TableSettings,
    *,
    origin: Sequence[str],
    out: Mapping[str, Path],
) -> None:
    """Write a table as CSV (full precision), Markdown, LaTeX and HTML; its wins and gains as CSV.

    Args:
        rows: the systems; the first is what the others are compared with.
        comparisons: paired tests of rows, with the seed of each.
        paper_values: all values of the paper that are known.
        settings: of the table.
        origin: lines of the footer on where the numbers come from.
        out: files by their form: `csv`, `markdown`, `latex`, `html`, `wins` and `gains`.
    """
    table, blocks = _make_table(rows, settings)
    comparisons = with_tests(comparisons, settings.metric)
    wins = wins_table(comparisons, blocks, settings.metric, settings.level)
    gains = gains_table(comparisons, blocks, settings.metric)
    marks = find_marks(comparisons, blocks, settings.metric, settings.level)
    values = [
        value
        for value in paper_values
        if (value.table, value.metric) == (settings.paper, settings.metric)
    ]
    beside, corrections = paper_table(table, values)
    corrected = dict.fromkeys(corrected_cells(values), CORRECTED)
    texts = [
        score_text(table, marks),
        *([wins_text(wins)] if len(wins) else []),
        *([gains_text(gains)] if gains["seeds"].max() > 1 else []),
        *([paper_text(beside, settings.paper, corrected)] if len(beside) else []),
    ]
    footer = [
        *describe(rows, settings.metric, blocks, round_first=settings.round_first),
        *describe_left_out(rows, settings.metric, settings.levels, settings.pivot),
        *legend(comparisons, settings.level),
        *corrections,
        *origin,
    ]
    title = f"{metric_name(settings.metric)} on {settings.title}"
    write_csv(table, out["csv"])
    for name, frame in (("wins", wins), ("gains", gains)):
        write_text(out[name], frame.to_csv(index=False, lineterminator="\n"))
    write_texts(texts, out, title=title, footer=footer)


def _make_table(
    rows: Sequence[SystemRow], settings: TableSettings
) -> tuple[pd.DataFrame, dict[str, Cells]]:
    """The table and the directions behind its cells, by block."""
    shared: dict[str, Any] = {"levels": settings.levels, "pivot": settings.pivot}
    untouched = settings.metric + UNTOUCHED
    known = any((row.scores["metric"] == untouched).any() for row in rows)
    choices: dict[str, Any] = {
        "metric": settings.metric,
        "round_first": settings.round_first,
        "untouched": untouched if known else "",
    }
    if settings.layout == "levels":
        pairs = list(settings.directions)
        return (
            score_table(rows, pairs=pairs, **shared, **choices),
            {"": level_cells(pairs, **shared)},
        )
    found = {language for pair in rows[0].scores["pair"] for language in pair.split("-")}
    languages = [language for language in settings.levels if language in found]
    return (
        language_score_table(rows, languages=languages, **shared, **choices),
        dict(language_cells(languages, **shared)),
    )
