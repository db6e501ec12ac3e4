"""Systems whose checkpoint is a folder as Hugging Face delivers it: what the plan reads there."""

from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from neuron_specialization.errors import InputError
from neuron_specialization.settings.model_folders import folder_settings
from neuron_specialization.settings.systems import System

NEEDED = ("layers", "heads", "d_model", "d_ff")
"""Sizes that an architecture must state if they cannot be read from a folder."""


def find_model_folders(systems: Iterable[System], project: Path) -> dict[str, Path]:
    """Return the folders of the systems whose checkpoint is one, by system."""
    local = [row for row in systems if row.checkpoint and not row.source]
    found = {row.system: project / row.checkpoint for row in local}
    return {name: path for name, path in found.items() if path.is_dir()}


def check_model_folders(systems: Mapping[str, System], folders: Mapping[str, Path]) -> None:
    """Raise InputError if systems have different folders, or codes without a folder."""
    given = {(path, systems[name].codes): name for name, path in folders.items()}
    if len(given) > 1:
        first, second = list(given.values())[:2]
        raise InputError(
            f"systems {first} and {second} have different model folders or codes; a dataset has "
            "one joint vocabulary: give each its own dataset"
        )
    for row in systems.values():
        if row.codes and row.system not in folders:
            raise InputError(
                f"system {row.system} has codes={row.codes}, but its checkpoint is not a folder "
                f"({row.checkpoint or 'none'}); check the path, or leave codes out"
            )


def fill_sizes(
    architectures: MutableMapping[str, Any],
    systems: Mapping[str, System],
    folders: Mapping[str, Path],
) -> None:
    """Fill in the sizes that architectures do not state from the folders of their systems.

    Raise InputError if an architecture lacks sizes and no system with it has a folder, or as
    `folder_settings` does.
    """
    for name, folder in folders.items():
        if architecture := systems[name].architecture:
            architectures[architecture] = folder_settings(folder) | architectures[architecture]
    for name, settings in architectures.items():
        lacking = [size for size in NEEDED if size not in settings]
        if lacking:
            rows = [row for row in systems.values() if row.architecture == name]
            named = [row.checkpoint for row in rows if row.checkpoint and not row.source]
            hint = f": there is no folder {named[0]}" if named else ""
            raise InputError(
                f"architectures.{name} has no {', '.join(lacking)}, which may be left out only if "
                f"the checkpoint of a system is a local folder with a config.json{hint}"
            )
