"""The languages of a dataset, one row of languages.tsv each."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import langcodes
from langcodes.tag_parser import LanguageTagError

from neuron_specialization.errors import InputError
from neuron_specialization.settings.rows import Row, check_unique, read_rows

TABLE_COLUMNS = (
    *("direction", "system", "kind", "language"),
    *("high", "med", "low", "avg", "raw"),
)
"""Names of table columns, which no language may have as its code."""
DIRECTION = re.compile(r"[A-Za-z]\w+-[A-Za-z]\w+")
"""Two codes of languages."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """A row of languages.tsv, whose columns config/README.md describes."""

    code: str
    name: str
    family: str
    script: str
    level: str = ""
    max_pairs: int | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    """Its names in other corpora, from additional columns, for placeholders in paths."""


def read_languages(path: Path, schema_path: Path, pivot: str) -> dict[str, Language]:
    """Read languages.tsv, which must have a row for the pivot."""
    rows = [make_language(row) for row in read_rows(path, schema_path)]
    check_unique((language.code for language in rows), path, "language")
    for language in rows:
        if language.code in TABLE_COLUMNS:
            raise InputError(
                f"{path}: the language {language.name} has the code {language.code}, which is a "
                f"column of tables; choose a code other than {', '.join(TABLE_COLUMNS)}"
            )
    languages = {language.code: language for language in rows}
    if pivot not in languages:
        raise InputError(f"{path}: the pivot {pivot} has no row")
    return languages


def make_language(row: Row) -> Language:
    """Return the language of a row; unknown columns become its `codes`."""
    known = {column.name for column in fields(Language)} - {"codes"}
    codes = {name: str(cell) for name, cell in row.items() if name not in known}
    return Language(**{name: row[name] for name in known & row.keys()}, codes=codes)


def two_letter_code(code: str) -> str:
    """Return the ISO 639-1 code of a language, as Moses and sacreBLEU name it.

    `deu`, `ger`, `deu_Latn` and `de_AT` are `de`; a language of a macrolanguage has its code
    (`cmn_Hans` is `zh`). A language without such a code keeps its own, and so does any other name.
    """
    if len(code) == 2:
        return code
    try:
        standard = langcodes.standardize_tag(code, macro=True)
    except LanguageTagError:
        return code
    return langcodes.get(standard).language or code


def all_directions(languages: Iterable[str], pivot: str) -> list[str]:
    """Return every direction from the pivot, then every direction into it."""
    others = [code for code in languages if code != pivot]
    return [f"{pivot}-{code}" for code in others] + [f"{code}-{pivot}" for code in others]


def every_direction(languages: Iterable[str], pivot: str) -> list[str]:
    """Return every direction: those with the pivot first, then the others in table order."""
    codes = list(languages)
    others = [code for code in codes if code != pivot]
    return all_directions(codes, pivot) + [
        f"{source}-{target}" for source in others for target in others if source != target
    ]
