"""Tables of the configuration, a row each; the languages."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from neuron_specialization.errors import InputError
from neuron_specialization.table_columns import TABLE_COLUMNS

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Language:
    """A row of languages.tsv."""

    code: str
    """ISO 639-1 code, or any short name."""
    name: str
    """Name in English."""
    family: str
    """Language family."""
    script: str
    """Writing system."""
    level: str = ""
    """Resource level: `high`, `medium`, `low`, or none."""
    max_pairs: int | None = None
    """Cap on the training pairs with the pivot."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Its names in other corpora: the further columns, for placeholders of paths."""


def read_rows(path: Path, schema_path: Path) -> list[dict[str, Any]]:
    """Read a TSV file whose rows obey a JSON schema; empty cells are left out.

    InputError names the file, the line and the column of the first bad cell.
    """
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    try:
        # some editors and spreadsheets begin UTF-8 with a byte order mark
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            lines = [(reader.line_num, cells) for cells in reader]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as wrong:
        raise InputError(
            f"{path}: not a text file in UTF-8 ({wrong.reason} at byte {wrong.start}): it must be "
            "UTF-8; save it as that"
        ) from None
    rows = []
    for number, cells in lines:
        if None in cells:
            raise InputError(f"{path}, line {number}: more cells than the header has")
        row = convert_cells(cells, schema["properties"])
        for error in validator.iter_errors(row):
            column = f", column {error.path[0]}" if error.path else ""
            raise InputError(f"{path}, line {number}{column}: {error.message}")
        rows.append(row)
    return rows


def convert_cells(cells: Mapping[Any, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Turn text cells into the types of the schema; what is no number stays text."""
    converters: dict[Any, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": {"yes": True, "no": False}.__getitem__,
    }
    row: dict[str, Any] = {}
    for name, text in cells.items():
        if text in ("", None):
            continue
        convert = converters.get(properties.get(name, {}).get("type"), str)
        try:
            row[str(name)] = convert(text)
        except (KeyError, ValueError):
            row[str(name)] = text
    return row


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


def check_unique(names: Iterable[str], path: Path, noun: str) -> None:
    """InputError where a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{path}: {noun} {name} has two rows")
        seen.add(name)


def all_directions(languages: Iterable[str], pivot: str) -> list[str]:
    """Every direction from the pivot, then every direction into it."""
    others = [code for code in languages if code != pivot]
    return [f"{pivot}-{code}" for code in others] + [f"{code}-{pivot}" for code in others]


def settings_hash(config: Row, languages: Mapping[str, Any], systems: Mapping[str, Any]) -> str:
    """Eight digits that change with any setting but those of places and machines."""
    corpora = {**config["corpora"], "folder": ""}
    return digest([{**config, "corpora": corpora, "downloads": {}, "gpus": 1}, languages, systems])


def digest(settings: Any) -> str:
    """Eight digits that change with any of some settings."""
    text = json.dumps(settings, sort_keys=True, default=vars)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
