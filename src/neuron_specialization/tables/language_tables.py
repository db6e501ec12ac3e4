"""The paper's tables by language (1 and 3): a block of rows from the pivot, one into it.

Every column is a mean over some of the table's languages: over one, over those of a resource
level, over all.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import TABLE_COLUMNS
from neuron_specialization.tables.cells import AVG, GROUP_OF_LEVEL, M2O, O2M, Cell, level_of
from neuron_specialization.tables.score_tables import (
    UNTOUCHED_GROUP,
    SystemRow,
    check_request,
    tabulate,
)

_AVERAGE_OF_LEVEL = {level: group.lower() for level, group in GROUP_OF_LEVEL.items()}
_OVERALL = AVG.lower()


def language_score_table(
    systems: Sequence[SystemRow],
    *,
    metric: str,
    languages: Sequence[str],
    levels: Mapping[str, str],
    pivot: str,
    round_first: bool = False,
    untouched: str = "",
) -> pd.DataFrame:
    """Tabulate every system twice per block: its absolute scores, its deltas to the first system.

    Rows are indexed by (direction, system, kind): O2M (pivot to X), then M2O (X to pivot), kind
    as in ``score_table``. Columns are pairs whose second part is empty, as in
    ``EXTRA_PARAMETERS``, the first: the languages in the order given, ``high``, ``med`` and
    ``low`` as far as they occur in ``levels`` and the languages differ in level, ``avg`` of all,
    and ``untouched``, its counterpart in the metric of that name, if there is one.
    A direction that a system lacks is NaN, and so are the averages it belongs to. Raises
    ``InputError`` for no systems, no languages, a label or language used twice, an unknown
    language or level, or scores that are ambiguous or lack the metric everywhere.
    """
    check_request(systems, metric, languages)
    blocks = {}
    for block, cells in language_cells(languages, levels, pivot).items():
        chosen = {metric: cells}
        if untouched:
            chosen[untouched] = {(UNTOUCHED_GROUP.lower(), ""): cells[_OVERALL, ""]}
        blocks[block] = tabulate(systems, chosen, round_first=round_first)
    return pd.concat(blocks, names=["direction"])


def language_cells(
    languages: Sequence[str], levels: Mapping[str, str], pivot: str
) -> dict[str, dict[tuple[str, str], Cell]]:
    """The directions behind each cell, by block (O2M, M2O) and column."""
    members = _members(languages, levels)
    pattern = {O2M: f"{pivot}-{{}}", M2O: f"{{}}-{pivot}"}
    return {
        block: {
            (column, ""): (tuple(form.format(language) for language in codes),)
            for column, codes in members.items()
        }
        for block, form in pattern.items()
    }


def _members(languages: Sequence[str], levels: Mapping[str, str]) -> dict[str, list[str]]:
    """Give every column the languages that it averages."""
    _check_names(languages)
    level = {language: level_of(language, levels) for language in languages}
    members = {language: [language] for language in languages}
    # Of one level, its average would be that of all languages once more.
    if len(set(level.values())) > 1:
        for name, average in _AVERAGE_OF_LEVEL.items():
            members[average] = [language for language in languages if level[language] == name]
    members[_OVERALL] = list(languages)
    return {column: averaged for column, averaged in members.items() if averaged}


def _check_names(languages: Sequence[str]) -> None:
    names = [*languages, *TABLE_COLUMNS]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"columns with the same name: {', '.join(repeated)}; list every language once, by a "
            f"code other than {', '.join(TABLE_COLUMNS)}"
        )
