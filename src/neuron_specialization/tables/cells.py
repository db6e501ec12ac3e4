"""Cells of tables: the directions that each averages, and the means."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean

import pandas as pd

from neuron_specialization.neurons.sides import other_language, side_of
from neuron_specialization.settings.pivot import has_pivot

ALL = "All"
GROUP_OF_LEVEL = {"high": "High", "medium": "Med", "low": "Low"}
GROUPS = (*GROUP_OF_LEVEL.values(), ALL)
O2M, M2O, AVG = "O2M", "M2O", "Avg"
OVERALL = "avg"
"""Column that averages all languages of a table by language."""

# The directions behind a cell: a mean of means, as Avg is halfway between O2M and M2O.
Cell = tuple[tuple[str, ...], ...]
Cells = Mapping[tuple[str, str], Cell]


def level_cells(
    pairs: Iterable[str], levels: Mapping[str, str], pivot: str
) -> dict[tuple[str, str], Cell]:
    """Return the directions behind each cell of Table 2, by (group, direction).

    `levels` maps every language but the pivot to its resource level: high, medium, low, or ""
    for none, which counts only in All. O2M (pivot to X) and M2O (X to pivot) are means over the
    group's directions, Avg is the mean of these two. Cells without directions are left out.
    """
    members: dict[tuple[str, str], list[str]] = {}
    for pair in pairs:
        side = side_of(pair, pivot).upper()
        level = levels[other_language(pair, pivot)]
        for group in (GROUP_OF_LEVEL[level], ALL) if level else (ALL,):
            members.setdefault((group, side), []).append(pair)
    cells: dict[tuple[str, str], Cell] = {}
    for group in GROUPS:
        sides = {
            side: tuple(members[group, side]) for side in (O2M, M2O) if (group, side) in members
        }
        cells |= {(group, side): (directions,) for side, directions in sides.items()}
        if len(sides) == 2:
            cells[group, AVG] = tuple(sides.values())
    return cells


def average(scores: pd.Series, cells: Cells) -> pd.Series:
    """Average the scores of directions such as `en-de` into cells.

    A NaN score makes its cells NaN, so that no mean is silently taken over fewer directions.
    """
    # fmean is exact, so the order of directions cannot affect the last digit.
    means = {
        cell: fmean(fmean(scores[pair] for pair in part) for part in parts)
        for cell, parts in cells.items()
    }
    names = ["group", "direction"]
    return pd.Series(
        list(means.values()), index=pd.MultiIndex.from_tuples(list(means), names=names), dtype=float
    )


def language_cells(
    languages: Sequence[str],
    levels: Mapping[str, str],
    pivot: str,
    *,
    untested: Collection[str] = (),
) -> dict[str, Cells]:
    """Return the directions behind each cell of Tables 1 and 3, by block (O2M, M2O) and column.

    The columns are the languages in the given order, then, if the languages differ in level, the
    levels that occur (`high`, `med`, `low`), then `avg` of all. Their second part is empty. An
    untested language has a column, but is in no average.
    """
    members = {language: [language] for language in languages}
    languages = [language for language in languages if language not in untested]
    # With only one level, its average would repeat the average of all languages.
    if len({levels[language] for language in languages}) > 1:
        for name, group in GROUP_OF_LEVEL.items():
            members[group.lower()] = [each for each in languages if levels[each] == name]
    members[OVERALL] = list(languages)
    pattern = {O2M: f"{pivot}-{{}}", M2O: f"{{}}-{pivot}"}
    return {
        block: {
            (column, ""): (tuple(form.format(language) for language in codes),)
            for column, codes in members.items()
            if codes
        }
        for block, form in pattern.items()
    }


def matrix_cells(pairs: Collection[str], languages: Sequence[str], pivot: str) -> dict[str, Cells]:
    """Return the directions behind each cell of a source-by-target matrix, by source and column.

    The columns are the targets in the given order, then `avg` of the row. The last rows are `avg`,
    means over sources, and `without en`: the same over directions without the pivot. All means are
    over directions, each counting once.
    """
    targets = [code for code in languages if any(pair.endswith(f"-{code}") for pair in pairs)]

    def cells_of(chosen: Sequence[str]) -> Cells:
        by_target = {
            (target, ""): tuple(pair for pair in chosen if pair.endswith(f"-{target}"))
            for target in targets
        } | {(OVERALL, ""): tuple(chosen)}
        return {place: (part,) for place, part in by_target.items() if part}

    rows = {code: [pair for pair in pairs if pair.startswith(f"{code}-")] for code in languages}
    rows[OVERALL] = [pair for of_source in rows.values() for pair in of_source]
    others = [pair for pair in rows[OVERALL] if not has_pivot(pair, pivot)]
    if len(others) < len(rows[OVERALL]):
        rows[without(pivot)] = others
    return {name: cells_of(chosen) for name, chosen in rows.items() if chosen}


def without(pivot: str) -> str:
    """Return the name of a matrix's row of means over directions without the pivot."""
    return f"without {pivot}"


def table_blocks(
    layout: str,
    *,
    levels: Mapping[str, str],
    pivot: str,
    directions: Sequence[str],
    scored: Collection[str],
    first: Collection[str],
    untested: Sequence[str] = (),
) -> dict[str, Cells]:
    """Return the directions behind a table's cells, by block ("" if it has none).

    A side (from the pivot, or into it) that no row has is left out.

    Args:
        layout: `levels`, `languages` or `matrix`.
        levels: resource level of each language but the pivot.
        pivot: the pivot language.
        directions: the directions of the layouts `levels` and `matrix`.
        scored: the directions of all rows.
        first: the directions of the first row, which gives the layout `languages` its columns.
        untested: languages without a test.
    """
    if layout == "matrix":
        tested = [pair for pair in directions if not {*pair.split("-")} & {*untested}]
        return matrix_cells(tested, [pivot, *levels], pivot)
    sides = {side_of(pair, pivot) for pair in scored if has_pivot(pair, pivot)}
    if layout == "levels":
        chosen = [
            pair
            for pair in directions
            if side_of(pair, pivot) in sides and other_language(pair, pivot) not in untested
        ]
        return {"": level_cells(chosen, levels, pivot)}
    columns = (pair.split("-") for pair in first if has_pivot(pair, pivot))
    found = {language for pair in columns for language in pair} | {*untested}
    languages = [language for language in levels if language in found]
    blocks = language_cells(languages, levels, pivot, untested=untested)
    return {side: cells for side, cells in blocks.items() if side.lower() in sides}
