"""Tables of the configuration: TSV files whose rows obey a JSON schema."""

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from neuron_specialization.errors import InputError

Row = Mapping[str, Any]


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


def check_unique(names: Iterable[str], path: Path, noun: str) -> None:
    """InputError where a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{path}: {noun} {name} has two rows")
        seen.add(name)
