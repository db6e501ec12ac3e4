"""Tables of the configuration: TSV files whose rows obey a JSON schema."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from neuron_specialization.errors import InputError
from neuron_specialization.settings.configuration import (
    FORMATS,
    describe_problem,
    expand_path,
    warn_of_former,
)

Row = Mapping[str, Any]


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
OPTIONS = "options"
"""The column that combines several others: `k=95 stacks=encoder`."""


def read_schema(path: Path) -> dict[str, Any]:
    """Read a JSON schema that is written in YAML."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def method_columns(schema: Row) -> dict[str, list[str]]:
    """Return the methods of each column that belongs to some, in the order of the schema."""
    columns = schema["properties"].items()
    return {name: column["method"].split() for name, column in columns if "method" in column}


def read_rows(path: Path, schema_path: Path) -> list[dict[str, Any]]:
    """Read a TSV file whose rows obey a JSON schema; empty cells are left out.

    If the schema has a column `options`, a method's settings may be given there instead of in
    separate columns.

    Raises:
        InputError: a cell is invalid; the message names file, line and column or option.
    """
    schema = read_schema(schema_path)
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    known = method_columns(schema)
    properties = schema["properties"].items()
    formers = {column["former"]: name for name, column in properties if "former" in column}
    columns, lines = read_cells(path)
    check_columns(path, columns, schema, formers)
    rows = []
    for number, given in lines:
        cells = rename_keys(given, formers)
        try:
            options = read_options(cells, known, formers) if known else {}
        except InputError as wrong:
            raise InputError(f"{path}, line {number}, column {OPTIONS}: {wrong}") from None
        row = convert_cells(cells | options, schema["properties"])
        for error in validator.iter_errors(row):
            name = error.path[0] if error.path else ""
            place = f", {'option' if name in options else 'column'} {name}" if name else ""
            raise InputError(f"{path}, line {number}{place}: {describe_problem(error)}")
        rows.append(row)
    return rows


def read_cells(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a TSV file: its columns, and the number and cells of each line below the header.

    Quotes have no meaning.

    Raises:
        InputError: the file is missing or not UTF-8, its columns are separated by blanks, or a line
            has more cells than the header or a control character.
    """
    try:
        # some editors and spreadsheets begin UTF-8 with a byte order mark
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as wrong:
        raise InputError(
            f"{path}: not a text file in UTF-8 ({wrong.reason} at byte {wrong.start}): save it as "
            "UTF-8"
        ) from None
    header, *lines = text.split("\n")
    columns = header.split("\t")
    if len(columns) == 1 and len(header.split()) > 1:
        raise InputError(
            f"{path}, line 1: has no tab; columns are separated by tabs, not by blanks"
        )
    rows = []
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) > len(columns):
            raise InputError(f"{path}, line {number}: more cells than the header has")
        if CONTROL.search(line):
            raise InputError(f"{path}, line {number}: has a control character; remove it")
        if line:
            rows.append((number, dict(zip(columns, cells, strict=False))))
    return columns, rows


def check_columns(
    path: Path, columns: Sequence[str], schema: Row, formers: Mapping[str, str]
) -> None:
    """Raise InputError if the header has an unknown column, where only known ones are allowed."""
    known = [*schema["properties"], *formers]
    for column in columns if schema.get("additionalProperties") is False else ():
        if column not in [*known, OPTIONS]:
            nearest = get_close_matches(column, known, 1)
            advice = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
            raise InputError(f"{path}, line 1: unknown column {column!r}; {advice}")


def rename_keys(cells: Mapping[Any, Any], formers: Mapping[str, str]) -> dict[Any, Any]:
    """Return cells by the current names of their columns; warn about former names."""
    for former in formers.keys() & {name for name, text in cells.items() if text}:
        warn_of_former(former, formers[former])
    return {formers.get(name, name): text for name, text in cells.items()}


def read_options(
    cells: dict[Any, Any], known: Collection[str], formers: Mapping[str, str]
) -> dict[str, str]:
    """Remove the cell of options from a row and return the options by name.

    `formers` maps former names to current ones.

    Raises:
        InputError: an option is not `name=value`, is unknown, or is given twice.
    """
    options: dict[str, str] = {}
    for pair in (cells.pop(OPTIONS, None) or "").split():
        given, _, text = pair.partition("=")
        if not text:
            raise InputError(f"{pair!r} is not name=value, such as k=95")
        ((name, text),) = rename_keys({given: text}, formers).items()
        if name not in known:
            raise InputError(f"unknown option {name!r}; the options are {', '.join(known)}")
        if name in options or cells.get(name):
            raise InputError(f"{name} is given twice; remove one of them")
        options[name] = text
    return options


def convert_cells(cells: Mapping[Any, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Convert text cells to the types of the schema; leave cells that do not convert as text."""
    converters: dict[Any, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": {"yes": True, "no": False}.__getitem__,
    }
    row: dict[str, Any] = {}
    for name, text in cells.items():
        if text in ("", None):
            continue
        described = properties.get(name, {})
        is_path = described.get("format") == "path"
        convert = expand_path if is_path else converters.get(described.get("type"), str)
        try:
            row[str(name)] = convert(text)
        except (KeyError, ValueError):
            row[str(name)] = text
    return row


def check_unique(names: Iterable[str], path: Path, noun: str) -> None:
    """Raise InputError if a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{path}: {noun} {name} has two rows")
        seen.add(name)
