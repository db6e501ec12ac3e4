"""Check the whole configuration against its schema and fill in defaults."""

import os
import re
import warnings
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from neuron_specialization.errors import InputError

SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""A number such as `5e-4`, which YAML takes for text."""
PATHS = ("path", "path_pattern")
"""Formats of paths; a pattern has placeholders."""
FORMATS = FormatChecker(())
"""Checks of the formats that schemas name."""
Key = tuple[str | int, ...]
"""Location of a setting: the names and list positions that lead to it."""
GONE = {
    "architectures.*.optimizer": "is part of kernels (torch for fused_adamw, fairseq for adam)",
    "architectures.*.attention": "is part of kernels (torch for sdpa, fairseq for fairseq's)",
    "architectures.*.adam_betas": "is always [0.9, 0.98]",
    "architectures.*.adam_eps": "is always 1e-6",
    "architectures.*.weight_decay": "is always 0",
    "architectures.*.clip_norm": "is always 0: gradients are not clipped",
    "architectures.*.activation_dropout": "is always 0",
    "decoding.max_tokens": "is always 10000",
    "analysis.permutations": "is always 10000",
    "analysis.heat_maps": "is always linear: heat maps show the true IoU",
    "architectures.*.max_positions": "is always 256",
    "vocabulary.max_sentences": "is always 12000000",
    "pair_vocabulary.max_sentences": "is always 12000000",
    "tokenised_bleu": "is always fairseq",
    "round_first": "is always false: scores are averaged as they are",
}
"""Removed settings by path, each with its replacement; `*` is any name."""


def check_configuration(
    config: MutableMapping[str, Any], schema_path: Path, files: Sequence[Path] = ()
) -> None:
    """Fill in the defaults of a configuration and check all of it.

    Args:
        config: the merged configuration; modified in place.
        schema_path: its JSON schema.
        files: the files that it was read from; later ones override earlier ones.

    Raises:
        InputError: a setting is unknown or invalid; the message names file, line and key.
    """
    for key, fate in find_gone(config):
        name = ".".join(map(str, key))
        raise InputError(
            f"{locate(key, files)}: {name} is no longer a setting: it {fate}. Remove it"
        )
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    # rename in a separate pass: a section's unknown keys may be checked before its properties
    list(_RenamingValidator(schema).iter_errors(config))
    error = best_match(_FillingValidator(schema, format_checker=FORMATS).iter_errors(config))
    if error is not None:
        raise InputError(f"{locate(key_of(error), files)}: {explain(error)}")


@FORMATS.checks("path", raises=InputError)
def check_path(path: object) -> bool:
    """Raise InputError if a path of the workflow has braces, which mark Snakemake's wildcards."""
    if set("{}") & set(str(path)):
        raise InputError(f"{path!r} has braces, which mark wildcards in Snakemake; rename it")
    return True


def expand_path(path: Any) -> Any:
    """Return a path, or several, with `~` and environment variables replaced."""
    if isinstance(path, Mapping):
        return {name: expand_path(one) for name, one in path.items()}
    if isinstance(path, list):
        return [expand_path(one) for one in path]
    return os.path.expanduser(os.path.expandvars(path)) if isinstance(path, str) else path


def explain(error: ValidationError) -> str:
    """Return the problem in a sentence: the nearest known name of an unknown setting, if any."""
    schema: Any = error.schema
    described = schema.get("description") if isinstance(schema, Mapping) else None
    if error.validator != "additionalProperties":
        problem = describe_problem(error)
        return f"{problem} ({described})" if described else problem
    known = list(schema.get("properties", {}))
    nearest = get_close_matches(str(key_of(error)[-1]), known, 1)
    return "unknown setting; " + (
        f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
    )


def describe_problem(error: ValidationError) -> str:
    """Return what is wrong with a value; a schema has the words for its patterns in `allowed`."""
    if error.validator == "pattern" and isinstance(error.schema, Mapping):
        return f"{error.instance!r} is not allowed, only {error.schema['allowed']}"
    return shorten(str(error.cause or error.message), 300)


def find_gone(config: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """Yield the removed settings that a configuration has, each with its replacement."""
    for pattern, fate in GONE.items():
        for key in _find_keys(config, pattern.split(".")):
            yield key, fate


def _find_keys(settings: Any, names: Sequence[str], key: Key = ()) -> Iterator[Key]:
    """Yield the keys that match some names; `*` matches any name."""
    if not names:
        yield key
    elif isinstance(settings, Mapping):
        for name in settings if names[0] == "*" else names[:1]:
            if name in settings:
                yield from _find_keys(settings[name], names[1:], (*key, name))


def key_of(error: ValidationError) -> Key:
    """Return the key that an error concerns; for an unknown key, the key and not its section."""
    path, section, schema = tuple(error.absolute_path), error.instance, error.schema
    is_section = isinstance(section, Mapping) and isinstance(schema, Mapping)
    if error.validator != "additionalProperties" or not is_section:
        return path
    known: Mapping[str, Any] = schema.get("properties", {})  # type: ignore[union-attr]
    return (*path, next(name for name in section if name not in known))  # type: ignore[union-attr]


def locate(key: Key, files: Sequence[Path]) -> str:
    """Return the location of a setting as `FILE, line N, KEY`, or only the key if no file has it.

    Later files override earlier ones, so the last file with the key is named.
    """
    name = ".".join(map(str, key)) or "the configuration"
    for path in reversed(files):
        line = find_line(yaml.compose(path.read_text(encoding="utf-8")), key)
        if line is not None:
            return f"{path}, line {line}, {name}"
    return name


def find_line(node: yaml.Node | None, key: Key) -> int | None:
    """Return the line, from 1, of a key in a YAML document, or None if the document lacks it."""
    line = None
    for part in key:
        found = next((pair for pair in _children(node) if pair[0] == part), None)
        if found is None:
            return None
        _, line, node = found
    return line


def _children(node: yaml.Node | None) -> Iterator[tuple[Any, int, yaml.Node]]:
    """Yield the name or position, line and value of each item of a mapping or list."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield name.value, name.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield position, value.start_mark.line + 1, value


def warn_of_former(former: str, name: str) -> None:
    """Warn that a setting has a new name."""
    message = f"{former} is now {name}; the old name works in this release only"
    warnings.warn(message, FutureWarning, stacklevel=2)


def _rename(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """Rename settings that are given under their former names."""
    if isinstance(instance, MutableMapping):
        for name, described in properties.items():
            former = described.get("former")
            if former in instance and name not in instance:
                instance[name] = instance.pop(former)
                warn_of_former(former, name)
    yield from Draft202012Validator.VALIDATORS["properties"](
        validator, properties, instance, schema
    )


def _complete(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """Fill in defaults, numbers that YAML takes for text, and home folders in paths."""
    if isinstance(instance, MutableMapping):
        for name, described in properties.items():
            if "default" in described:
                instance.setdefault(name, deepcopy(described["default"]))
            if name in instance:
                instance[name] = _complete_value(validator.evolve(schema=described), instance[name])
    yield from Draft202012Validator.VALIDATORS["properties"](
        validator, properties, instance, schema
    )


def _complete_value(validator: Any, value: Any) -> Any:
    if validator.schema.get("format") in PATHS:
        return expand_path(value)
    if isinstance(value, list) and "items" in validator.schema:
        of_items = validator.evolve(schema=validator.schema["items"])
        return [_complete_value(of_items, item) for item in value]
    is_text = not SCIENTIFIC.fullmatch(str(value)) or validator.is_valid(value)
    return value if is_text else float(value)


_RenamingValidator = extend(Draft202012Validator, {"properties": _rename})
_FillingValidator = extend(Draft202012Validator, {"properties": _complete})
