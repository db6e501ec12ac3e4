"""Differences between systems over seeds: their mean, and how sure it is."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
import pandas as pd
from scipy.stats import t

from neuron_specialization.tables.cells import Cells, average
from neuron_specialization.tables.comparisons import Comparison
from neuron_specialization.tables.text_tables import MISSING, TextTable, format_signed

CONFIDENCE = 0.95
GAIN_COLUMNS = (
    *("block", "system", "against", "role", "group", "direction"),
    *("seeds", "gain", "half_width"),
)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean of some values, and half the width of its 95 % interval, nan of a single value.

    The interval is Student's.
    """
    if len(values) < 2:
        return fmean(values), np.nan
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return fmean(values), float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)


def gains_table(
    comparisons: Sequence[Comparison], blocks: Mapping[str, Cells], metric: str
) -> pd.DataFrame:
    """The difference of each row to what it is compared with, in each cell (GAIN_COLUMNS).

    A seed is compared with the same seed. Seeds that lack a direction of a cell are left out of it.

    Args:
        comparisons: paired tests, with a column `seed`.
        blocks: the directions behind the cells, by block ("" where a table has none).
        metric: the metric.
    """
    rows = []
    for comparison in comparisons:
        tests = comparison.tests[comparison.tests["metric"] == metric]
        difference = tests["score"] - tests["other_score"]
        by_seed = difference.groupby([tests["seed"], tests["pair"]]).first().unstack()
        for block, cells in blocks.items():
            for cell, parts in cells.items():
                pairs = [pair for part in parts for pair in part]
                known = by_seed.reindex(columns=pairs).dropna()
                values = [average(row, {cell: parts})[cell] for _, row in known.iterrows()]
                if values:
                    names = comparison.label, comparison.other, comparison.role
                    rows.append((block, *names, *cell, len(values), *interval(values)))
    return pd.DataFrame(rows, columns=list(GAIN_COLUMNS))


def gains_text(gains: pd.DataFrame) -> TextTable:
    """Means and half widths (`+0.3 ± 0.4`) of `gains_table`, a row per system and other."""
    columns = [*dict.fromkeys(zip(gains["group"], gains["direction"], strict=True))]
    blocks = any(gains["block"])
    names = [*(["block"] if blocks else []), "system", "against"]
    rows = []
    for labels, part in gains.groupby(names, sort=False):
        cell = {
            (row.group, row.direction): _cell(row.gain, row.half_width) for row in part.itertuples()
        }
        rows.append((*map(str, labels), *(cell.get(column, MISSING) for column in columns)))
    return TextTable(
        labels=(*(["Direction"] if blocks else []), "System", "Against"),
        columns=tuple(columns),
        rows=tuple(rows),
        block_labels=len(names) - 1,
        caption="Differences, mean over seeds ± half the width of its 95 % interval",
    )


def _cell(gain: float, half_width: float) -> str:
    text = format_signed(gain, 1)
    return text if np.isnan(half_width) else f"{text} ± {half_width:.1f}"
