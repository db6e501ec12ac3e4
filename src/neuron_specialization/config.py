"""The tables of the configuration: languages and systems, one row each."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from neuron_specialization.errors import InputError

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


@dataclass(frozen=True, kw_only=True)
class System:
    """A row of systems.tsv: a row of the paper's tables."""

    system: str
    """Name, used in paths."""
    label: str
    """Name in tables."""
    method: str
    """`multilingual` or `neuron_specialization`."""
    architecture: str = ""
    """Key of `architectures` in the config; a system with a parent has its parent's."""
    parent: str = ""
    """System whose best checkpoint this one continues from."""
    directions: str = "all"
    """`all`, or directions separated by blanks."""
    k: float | None = None
    """Percentage of activations that the selected neurons hold (Eq. 1)."""
    counting: str = "sentence"
    """Activations counted per `sentence` (the paper) or per `token` (the official code)."""
    kept: float | None = None
    """Percentage of neurons kept at random, instead of k (the paper's Random)."""
    stacks: str = "both"
    """Stacks that are masked: `both`, `encoder` or `decoder` (Ours, Ours-Enc, Ours-Dec)."""
    seed: int = 1
    """Seed of initialisation, dropout and data order."""


def read_rows(path: Path, schema_path: Path) -> list[dict[str, Any]]:
    """Read a TSV file whose rows obey a JSON schema; empty cells are left out.

    InputError names the file, the line and the column of the first bad cell.
    """
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file, delimiter="\t"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    rows = []
    for number, cells in enumerate(lines, start=2):
        row = convert_cells(cells, schema["properties"])
        for error in validator.iter_errors(row):
            column = f", column {error.path[0]}" if error.path else ""
            raise InputError(f"{path}, line {number}{column}: {error.message}")
        rows.append(row)
    return rows


def convert_cells(cells: Mapping[Any, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Turn text cells into the types of the schema; what is no number stays text."""
    converters = {"integer": int, "number": float}
    row: dict[str, Any] = {}
    for name, text in cells.items():
        if text in ("", None):
            continue
        convert = converters.get(properties.get(name, {}).get("type"), str)
        try:
            row[str(name)] = convert(text)
        except (TypeError, ValueError):
            row[str(name)] = text
    return row


def read_languages(path: Path, schema_path: Path, pivot: str) -> dict[str, Language]:
    """Read languages.tsv; the pivot must be one of them."""
    rows = [Language(**row) for row in read_rows(path, schema_path)]
    check_unique((language.code for language in rows), path, "language")
    languages = {language.code: language for language in rows}
    if pivot not in languages:
        raise InputError(f"{path}: the pivot {pivot} has no row")
    return languages


def read_systems(
    path: Path,
    schema_path: Path,
    *,
    languages: Iterable[str],
    pivot: str,
    architectures: Iterable[str],
) -> dict[str, System]:
    """Read systems.tsv and check every name in it."""
    rows = [System(**row) for row in read_rows(path, schema_path)]
    check_unique((system.system for system in rows), path, "system")
    systems = {system.system: system for system in rows}
    for system in rows:
        check_parent(system, systems, path)
        if not system.parent and system.architecture not in architectures:
            raise InputError(
                f"{path}: system {system.system} has architecture '{system.architecture}', "
                f"which the config lacks; it has {', '.join(architectures)}"
            )
        check_directions(system, list(languages), pivot, path)
    return systems


def check_unique(names: Iterable[str], path: Path, noun: str) -> None:
    """InputError where a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{path}: {noun} {name} has two rows")
        seen.add(name)


def check_parent(system: System, systems: Mapping[str, System], path: Path) -> None:
    """InputError unless the parent is a system without a parent of its own, where one is needed."""
    one_choice = (system.k is None) != (system.kept is None)
    if system.method == "neuron_specialization" and not (system.parent and one_choice):
        raise InputError(f"{path}: system {system.system} needs a parent, and either k or kept")
    if not system.parent:
        return
    if system.parent not in systems:
        raise InputError(f"{path}: system {system.system} has an unknown parent {system.parent}")
    if systems[system.parent].parent:
        raise InputError(
            f"{path}: the parent of {system.system}, {system.parent}, is itself a continuation"
        )
    if system.architecture:
        raise InputError(
            f"{path}: leave the architecture of {system.system} empty; it has its parent's"
        )


def check_directions(system: System, languages: Sequence[str], pivot: str, path: Path) -> None:
    """InputError where a direction has an unknown language or leaves out the pivot."""
    if system.directions == "all":
        return
    for direction in system.directions.split():
        source, _, target = direction.partition("-")
        unknown = [code for code in (source, target) if code not in languages]
        if unknown:
            raise InputError(
                f"{path}: system {system.system} has direction {direction}, but languages.tsv "
                f"has no row for '{unknown[0]}'; it has {', '.join(languages)}"
            )
        if pivot not in (source, target) or source == target:
            raise InputError(
                f"{path}: system {system.system} has direction {direction}; "
                f"one side must be the pivot, {pivot}, the other another language"
            )


def all_directions(languages: Iterable[str], pivot: str) -> list[str]:
    """Every direction from the pivot, then every direction into it."""
    others = [code for code in languages if code != pivot]
    return [f"{pivot}-{code}" for code in others] + [f"{code}-{pivot}" for code in others]


def system_directions(system: System, languages: Iterable[str], pivot: str) -> list[str]:
    """The directions of a system, in the order of `all_directions`."""
    every = all_directions(languages, pivot)
    wanted = set(every if system.directions == "all" else system.directions.split())
    return [direction for direction in every if direction in wanted]


def system_architecture(
    system: System, systems: Mapping[str, System], architectures: Mapping[str, Row]
) -> dict[str, Any]:
    """Model sizes and training settings: the parent's, changed by its `continuation`."""
    settings = dict(architectures[system.architecture or systems[system.parent].architecture])
    continuation = settings.pop("continuation")
    return settings | (continuation if system.parent else {})


def settings_hash(
    config: Row, languages: Mapping[str, Language], systems: Mapping[str, System]
) -> str:
    """Eight digits that change with any setting but the folder of the corpora."""
    corpora = {**config["corpora"], "folder": ""}
    settings = [{**config, "corpora": corpora}, languages, systems]
    text = json.dumps(settings, sort_keys=True, default=vars)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
