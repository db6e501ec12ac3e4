"""The paper's tables: scores per direction, averaged into the cells of a layout.

The metric is any value of the scores' ``metric`` column. Scores must be on the scale to be
printed (0 to 100). ``score_table`` averages by resource level (Tables 2, 7 and 8);
``language_tables`` makes Tables 1 and 3 of the same parts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import SCORE_COLUMNS
from neuron_specialization.tables.cells import ALL, Cells, average, level_cells

EXTRA_PARAMETERS = ("Δ params", "")
ABSOLUTE, DELTA, DEVIATION = "absolute", "delta", "deviation"
UNTOUCHED_GROUP = "Untouched"
"""Columns beside the others: the average of all directions against untouched references."""

_SCORE_KEY = ["pair", "metric"]


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """One system of a table.

    ``scores`` is as ``scoring.corpus_table`` or ``merge_scores`` makes it, with at least
    ``SCORE_COLUMNS``. ``extra_parameters`` is in percent of the first row's parameters,
    None where such a number says nothing (normally the first row itself). ``scores_by_seed``
    has those of each seed where there are several, of which ``scores`` are the mean. ``seeds`` says
    over how many seeds the score of each pair and metric is a mean.
    """

    label: str
    scores: pd.DataFrame
    extra_parameters: float | None
    scores_by_seed: Sequence[pd.DataFrame] = ()
    seeds: Mapping[tuple[str, str], int] = field(default_factory=dict)


def read_parameters(path: Path) -> pd.DataFrame:
    """Read the parameters of systems, by system: `models`, `total`, `trainable`, `added`."""
    table = read_table(path, ["models", "total", "trainable", "added"])
    return table.set_index("system")


def merge_scores(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Merge the scores of the systems behind one row: of several seeds, or of complementary ones.

    Scores of the same pair and metric become one, their mean; all others are collected. The
    columns stay as they are. Raises ``InputError`` for a frame that lacks a
    column or has a pair and metric twice, and for scores to be averaged that differ in signature
    or number of sentences.
    """
    for frame in frames:
        _check_scores(frame, "a system to merge")
    merged = pd.concat(frames, ignore_index=True)
    for (pair, metric), rows in merged.groupby(_SCORE_KEY):
        _check_alike(rows, f"{metric} of '{pair}'")
    merged["score"] = merged.groupby(_SCORE_KEY)["score"].transform(fmean)
    return merged.drop_duplicates(_SCORE_KEY, ignore_index=True)


def score_table(
    systems: Sequence[SystemRow],
    *,
    metric: str,
    levels: Mapping[str, str],
    pivot: str,
    pairs: Collection[str],
    round_first: bool = False,
    untouched: str = "",
) -> pd.DataFrame:
    """Tabulate every system twice: its absolute scores, then its deltas to the first system.

    Rows are indexed by (system, kind), kind being ``absolute``, ``delta`` or, for systems with
    several seeds, ``deviation``: the standard deviation of their own scores over seeds. Columns
    are (group, direction), the first being ``EXTRA_PARAMETERS`` in percent. ``pairs`` are the
    directions the table is about: a system that lacks one has NaN in the cells it belongs to, and
    other directions are left aside. ``untouched`` is another metric, whose averages over all
    directions are put beside, as ``UNTOUCHED_GROUP``. Raises ``InputError`` as ``level_cells``
    does, and for no systems, no pairs, a label used twice, or scores that are ambiguous or lack
    the metric everywhere.
    """
    check_request(systems, metric, pairs)
    cells = {metric: level_cells(sorted(set(pairs)), levels, pivot)}
    if untouched:
        overall = {cell: parts for cell, parts in cells[metric].items() if cell[0] == ALL}
        cells[untouched] = {(UNTOUCHED_GROUP, side): parts for (_, side), parts in overall.items()}
    return tabulate(systems, cells, round_first=round_first)


def tabulate(
    systems: Sequence[SystemRow], cells: Mapping[str, Cells], *, round_first: bool
) -> pd.DataFrame:
    """Make ``score_table``'s table; ``cells`` are by metric."""

    def row_of(scores: pd.DataFrame) -> pd.Series:
        parts = [
            average(select_scores(scores, metric, chosen), chosen, round_first=round_first)
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


def main_table(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows that the paper prints: the first system absolute, others as deltas to it.

    ``table`` is one of ``score_table`` or of ``language_tables``; rows keep their order.
    """
    systems, kinds = (table.index.get_level_values(level) for level in ("system", "kind"))
    first = systems == systems[0]
    return table[(first & (kinds == ABSOLUTE)) | (~first & (kinds == DELTA))]


def find_signatures(systems: Sequence[SystemRow], metric: str) -> list[str]:
    """Collect the distinct signatures of a metric, sorted, for a table's footer.

    More than one means that not all scores were made alike, which the footer should say.
    """
    scores = pd.concat([system.scores for system in systems])
    found = scores.loc[scores["metric"] == metric, "signature"]
    return sorted(filter(None, found.unique()))


def check_request(systems: Sequence[SystemRow], metric: str, pairs: Collection[str]) -> None:
    """Raise ``InputError`` for what no table can be made of, whatever its columns."""
    if not systems or not pairs:
        raise InputError("a table needs at least one system and one direction")
    labels = [system.label for system in systems]
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise InputError(f"rows with the same label: {', '.join(repeated)}; rename one")
    for system in systems:
        _check_scores(system.scores, f"'{system.label}'")
    found = sorted({str(name) for system in systems for name in system.scores["metric"]})
    if metric not in found:
        raise InputError(f"no system has scores of metric '{metric}': found {', '.join(found)}")


def select_scores(scores: pd.DataFrame, metric: str, cells: Cells) -> pd.Series:
    """The score of every pair of some cells, NaN for those that a system lacks."""
    pairs = {pair for parts in cells.values() for part in parts for pair in part}
    chosen = scores[scores["metric"] == metric].set_index("pair")["score"]
    return chosen.reindex(sorted(pairs))


def _check_scores(scores: pd.DataFrame, owner: str) -> None:
    missing = [column for column in SCORE_COLUMNS if column not in scores.columns]
    if missing:
        raise InputError(f"scores of {owner} have no column {', '.join(missing)}")
    repeated = scores[scores.duplicated(_SCORE_KEY)]
    if not repeated.empty:
        pair, metric = repeated.iloc[0][_SCORE_KEY]
        raise InputError(f"scores of {owner} have {metric} of '{pair}' more than once")


def _check_alike(rows: pd.DataFrame, scores: str) -> None:
    for column in ("signature", "sentences"):
        found = rows[column].unique()
        if len(found) > 1:
            raise InputError(
                f"{scores} cannot be averaged over systems that differ in {column}: "
                f"{' and '.join(map(str, found))}; score them alike or give them different labels"
            )
