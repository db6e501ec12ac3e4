"""The configuration as a whole: checked against its schema, defaults filled in."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from neuron_specialization.errors import InputError

Key = tuple[str | int, ...]
"""Where a setting is: the names and list positions that lead to it."""


def check_configuration(
    config: MutableMapping[str, Any], schema_path: Path, files: Sequence[Path] = ()
) -> None:
    """Fill in the defaults of a configuration, and check all of it.

    Args:
        config: the merged configuration; it is changed.
        schema_path: its JSON schema.
        files: the files that it was read from, the last one laid over the others.

    Raises:
        InputError: a setting is unknown or has a bad value; file, line and key are named.
    """
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    error = best_match(_FillingValidator(schema).iter_errors(config))
    if error is not None:
        described = error.schema.get("description") if isinstance(error.schema, Mapping) else None
        meaning = f" ({described})" if described else ""
        raise InputError(f"{locate(key_of(error), files)}: {error.message}{meaning}")


def key_of(error: ValidationError) -> Key:
    """Return the key that an error is about: an unknown one itself, not the section it is in."""
    path, section, schema = tuple(error.absolute_path), error.instance, error.schema
    is_section = isinstance(section, Mapping) and isinstance(schema, Mapping)
    if error.validator != "additionalProperties" or not is_section:
        return path
    known: Mapping[str, Any] = schema.get("properties", {})  # type: ignore[union-attr]
    return (*path, next(name for name in section if name not in known))  # type: ignore[union-attr]


def locate(key: Key, files: Sequence[Path]) -> str:
    """Return where a setting is written, as `FILE, line N, KEY`; the key alone where it is not.

    A later file hides what an earlier one says, so that the last one with the key is named.
    """
    name = ".".join(map(str, key)) or "the configuration"
    for path in reversed(files):
        line = find_line(yaml.compose(path.read_text(encoding="utf-8")), key)
        if line is not None:
            return f"{path}, line {line}, {name}"
    return name


def find_line(node: yaml.Node | None, key: Key) -> int | None:
    """Return the line, from 1, of a key in a YAML document; None where it is not written there."""
    line = None
    for part in key:
        found = next((pair for pair in _children(node) if pair[0] == part), None)
        if found is None:
            return None
        _, line, node = found
    return line


def _children(node: yaml.Node | None) -> Iterator[tuple[Any, int, yaml.Node]]:
    """Yield the name or position, the line and the value of what is in a mapping or list."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield name.value, name.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield position, value.start_mark.line + 1, value


def _fill_defaults(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, MutableMapping):
        for name, described in properties.items():
            if "default" in described:
                instance.setdefault(name, deepcopy(described["default"]))
    yield from Draft202012Validator.VALIDATORS["properties"](
        validator, properties, instance, schema
    )


_FillingValidator = extend(Draft202012Validator, {"properties": _fill_defaults})
