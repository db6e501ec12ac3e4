"""The paper's main tables (2, 7 and 8): scores per direction, averaged by resource level.

The metric is any value of the scores' ``metric`` column. Scores must be on the scale to be
printed (0 to 100). ``language_tables`` makes Tables 1 and 3 of the same parts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import SCORE_COLUMNS

ALL = "All"
GROUP_OF_LEVEL = {"high": "High", "medium": "Med", "low": "Low"}
GROUPS = (*GROUP_OF_LEVEL.values(), ALL)
O2M, M2O, AVG = "O2M", "M2O", "Avg"
EXTRA_PARAMETERS = ("Δ params", "")
ABSOLUTE, DELTA = "absolute", "delta"

_SCORE_KEY = ["pair", "metric"]


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """One system of a table.

    ``scores`` is as ``scoring.score_system`` or ``merge_scores`` makes it, with at least
    ``SCORE_COLUMNS``. ``extra_parameters`` is in percent of the first row's parameters,
    None where such a number says nothing (normally the first row itself).
    """

    label: str
    scores: pd.DataFrame
    extra_parameters: float | None


def merge_scores(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Merge the scores of the systems behind one row: of several seeds, or of complementary ones.

    Scores of the same pair and metric become one, their mean; all others are collected. The
    columns stay as they are (``SCORE_COLUMNS``). Raises ``InputError`` for a frame that lacks a
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


def aggregate(score_by_pair: pd.Series, levels: Mapping[str, str], pivot: str) -> pd.Series:
    """Average the scores of directions such as ``en-de`` into Table 2's cells.

    ``levels`` gives every language but the pivot its resource level: high, medium, low, or ""
    for none, which counts in All only. The result is indexed by (group, direction): O2M (pivot
    to X) and M2O (X to pivot) are means over the group's directions, Avg is the mean of these
    two. What has no directions is left out; a NaN score makes the cells it belongs to NaN, so
    that no mean is silently one over fewer directions. Raises ``InputError`` for an unknown
    language or level and for a direction that does not have the pivot on exactly one side.
    """
    members: dict[tuple[str, str], list[float]] = {}
    for pair, score in score_by_pair.items():
        language, direction = _split_pair(str(pair), pivot)
        level = level_of(language, levels)
        for group in (GROUP_OF_LEVEL[level], ALL) if level else (ALL,):
            members.setdefault((group, direction), []).append(float(score))
    # fmean is exact, so the order in which directions are listed cannot show in the last digit.
    means = {cell: fmean(scores) for cell, scores in members.items()}
    cells: dict[tuple[str, str], float] = {}
    for group in GROUPS:
        cells |= _group_cells(group, means)
    index = pd.MultiIndex.from_tuples(list(cells), names=["group", "direction"])
    return pd.Series(list(cells.values()), index=index, dtype=float)


def score_table(
    systems: Sequence[SystemRow],
    *,
    metric: str,
    levels: Mapping[str, str],
    pivot: str,
    pairs: Collection[str],
) -> pd.DataFrame:
    """Tabulate every system twice: its absolute scores, then its deltas to the first system.

    Rows are indexed by (system, kind), kind being ``absolute`` or ``delta``; columns by (group,
    direction), the first being ``EXTRA_PARAMETERS`` in percent. ``pairs`` are the directions the
    table is about: a system that lacks one has NaN in the cells it belongs to, and other
    directions are left aside. Raises ``InputError`` as ``aggregate`` does, and for no systems,
    no pairs, a label used twice, or scores that are ambiguous or lack the metric everywhere.
    """
    check_request(systems, metric, pairs)
    rows = [aggregate(select_scores(system, metric, pairs), levels, pivot) for system in systems]
    return stack_kinds(systems, rows)


def main_table(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows that the paper prints: the first system absolute, others as deltas to it.

    ``table`` is one of ``score_table`` or of ``language_tables``; rows keep their order.
    """
    systems, kinds = (table.index.get_level_values(level) for level in ("system", "kind"))
    return table[(systems == systems[0]) == (kinds == ABSOLUTE)]


def find_signatures(systems: Sequence[SystemRow], metric: str) -> list[str]:
    """Collect the distinct signatures of a metric, sorted, for a table's footer.

    More than one means that not all scores were made alike, which the footer should say.
    """
    scores = pd.concat([system.scores for system in systems])
    return sorted(scores.loc[scores["metric"] == metric, "signature"].unique())


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


def select_scores(system: SystemRow, metric: str, pairs: Collection[str]) -> pd.Series:
    """Give a system's score of every pair, NaN for those it lacks."""
    chosen = system.scores[system.scores["metric"] == metric].set_index("pair")["score"]
    return chosen.reindex(sorted(set(pairs)))


def stack_kinds(systems: Sequence[SystemRow], rows: Sequence[pd.Series]) -> pd.DataFrame:
    """Make ``score_table``'s table of one row of absolute scores per system."""
    absolute = pd.DataFrame(rows)
    table = pd.concat([absolute, absolute - absolute.iloc[0]], ignore_index=True)
    extra = [system.extra_parameters for system in systems]
    table.insert(0, EXTRA_PARAMETERS, pd.Series(extra + extra, dtype=float))
    table.index = pd.MultiIndex.from_product(
        [(ABSOLUTE, DELTA), [system.label for system in systems]], names=["kind", "system"]
    ).swaplevel()
    return table


def level_of(language: str, levels: Mapping[str, str]) -> str:
    """Look up a language's level, "" for none; ``InputError`` if it is unknown or no level."""
    allowed = ", ".join(GROUP_OF_LEVEL)
    if language not in levels:
        raise InputError(
            f"language '{language}' is translated but has no entry among the languages: "
            f"add it with a level ({allowed}, or empty to count in {ALL} only)"
        )
    level = levels[language]
    if level and level not in GROUP_OF_LEVEL:
        raise InputError(f"language '{language}': level '{level}' is not one of {allowed} or empty")
    return level


def _split_pair(pair: str, pivot: str) -> tuple[str, str]:
    """Split a pair into the language that is not the pivot, and O2M or M2O."""
    source, separator, target = pair.partition("-")
    if not (separator and source and target) or (source == pivot) == (target == pivot):
        raise InputError(
            f"direction '{pair}': expected '{pivot}-X' or 'X-{pivot}', as this table averages "
            f"translation from and into '{pivot}'"
        )
    return (target, O2M) if source == pivot else (source, M2O)


def _group_cells(
    group: str, means: Mapping[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    cells = {
        (group, direction): means[group, direction]
        for direction in (O2M, M2O)
        if (group, direction) in means
    }
    if len(cells) == 2:
        cells[group, AVG] = (cells[group, O2M] + cells[group, M2O]) / 2
    return cells


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
