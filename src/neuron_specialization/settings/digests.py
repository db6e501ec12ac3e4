"""Hashes of settings, which show whether the results of two runs may be combined."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from neuron_specialization.settings.architectures import system_architecture
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.rows import Row
from neuron_specialization.settings.systems import System

# sections about locations, machines, display and limits, and what the systems' hashes cover
NOT_SHARED = {"architectures", "systems", "languages", "tables", "analysis", "downloads"}
NOT_SHARED |= {"gpus", "device", "diagnosis"}
NOT_OF_RUNS = {"label", "tables", "seeds"}
LATEST_SETTINGS = {"zero_shot", "codes"}
"""Settings of systems that at their default count in no hash."""
LATER_SETTINGS = {"sparsity_of", "source"} | LATEST_SETTINGS
"""Settings of systems that packed results are older than; at their default they do not count."""
FORMER_COUNTING = "sentence"
"""The default when results were packed first; it counts for systems that count nothing, too."""


def settings_digests(
    config: Row, languages: Mapping[str, Language], systems: Mapping[str, System]
) -> dict[str, Any]:
    """Return hashes that show whether the results of two runs may be combined.

    Returns:
        `shared`, a hash of the settings that all systems have in common, and for each system a
        hash of its settings and its parent's. The systems' seeds are in neither.
    """
    common = {name: value for name, value in config.items() if name not in NOT_SHARED}
    common["corpora"] = {**config["corpora"], "folder": ""}
    return {
        "shared": digest([common, languages]),
        "systems": {
            name: system_digest(system, systems, config["architectures"])
            for name, system in systems.items()
        },
    }


def system_digest(
    system: System, systems: Mapping[str, System], architectures: Mapping[str, Row]
) -> str:
    """Return eight digits that change with the settings of a system or its parent."""
    own = own_settings(system)
    if system.method == "imported":
        return digest(own)
    sizes = system_architecture(system, systems, architectures)
    if system.method == "lass":
        sizes |= {
            "fine_tuning": system_architecture(system, systems, architectures, fine_tuning=True)
        }
    parent = system_digest(systems[system.parent], systems, architectures) if system.parent else ""
    return digest([own, sizes, parent])


def own_settings(system: System) -> dict[str, Any]:
    """Return the settings of a system that its results depend on, comparable with older packs."""
    own = {name: value for name, value in vars(system).items() if name not in NOT_OF_RUNS}
    own = without_defaults(own, LATER_SETTINGS)
    return own if system.k is not None else own | {"counting": FORMER_COUNTING}


def settings_hash(
    config: Row, languages: Mapping[str, Language], systems: Mapping[str, System]
) -> str:
    """Return eight digits that change with any setting except locations and machines."""
    corpora = {**config["corpora"], "folder": ""}
    rows = {name: without_defaults(vars(row), LATEST_SETTINGS) for name, row in systems.items()}
    return digest([{**config, "corpora": corpora, "downloads": {}, "gpus": 1}, languages, rows])


def without_defaults(row: Row, names: Collection[str]) -> dict[str, Any]:
    """Return the settings of a system without some that are at their default."""
    return {
        name: value
        for name, value in row.items()
        if name not in names or value != getattr(System, name)
    }


def digest(settings: Any) -> str:
    """Return eight digits that change with any of the given settings."""
    text = json.dumps(settings, sort_keys=True, default=vars)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
