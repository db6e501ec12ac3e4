"""The languages of a dataset: a row of languages.tsv each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.settings.rows import Row, check_unique, read_rows

TABLE_COLUMNS = (
    *("direction", "system", "kind", "language"),
    *("high", "med", "low", "avg", "raw"),
)
"""Their names, which are codes of no languages."""


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
    """Its names in other corpora: the further columns, for placeholders of paths."""


def read_languages(path: Path, schema_path: Path, pivot: str) -> dict[str, Language]:
    """Read languages.tsv; the pivot must be one of them."""
    rows = [make_language(row) for row in read_rows(path, schema_path)]
    check_unique((language.code for language in rows), path, "language")
    for language in rows:
        if language.code in TABLE_COLUMNS:
            raise InputError(
                f"{path}: the language {language.name} has the code {language.code}, which is a "
                f"column of tables; give it another one than {', '.join(TABLE_COLUMNS)}"
            )
    languages = {language.code: language for language in rows}
    if pivot not in languages:
        raise InputError(f"{path}: the pivot {pivot} has no row")
    return languages


def make_language(row: Row) -> Language:
    """The language of a row; columns that it does not know are codes."""
    known = {column.name for column in fields(Language)} - {"codes"}
    codes = {name: str(cell) for name, cell in row.items() if name not in known}
    return Language(**{name: row[name] for name in known & row.keys()}, codes=codes)


def all_directions(languages: Iterable[str], pivot: str) -> list[str]:
    """Every direction from the pivot, then every direction into it."""
    others = [code for code in languages if code != pivot]
    return [f"{pivot}-{code}" for code in others] + [f"{code}-{pivot}" for code in others]
