"""What a system's row means for its trainings: architecture, adapters, shards."""

from collections.abc import Iterable, Mapping
from typing import Any

from neuron_specialization.config import Language, Row, digest
from neuron_specialization.systems import System


def system_architecture(
    system: System,
    systems: Mapping[str, System],
    architectures: Mapping[str, Row],
    *,
    fine_tuning: bool = False,
) -> dict[str, Any]:
    """Model sizes and training settings of a system.

    A continuation has its parent's, changed by the architecture's `continuation`, and no
    patience: all make the same number of updates. LaSS's fine-tunes have those, changed once more
    by its `fine_tuning`.
    """
    settings = dict(architectures[system.architecture or systems[system.parent].architecture])
    changes = {name: settings.pop(name) for name in ("continuation", "fine_tuning")}
    if system.parent:
        settings |= {"patience": -1, **changes["continuation"]}
    return settings | (changes["fine_tuning"] if fine_tuning else {})


def adapter_settings(
    system: System, languages: Mapping[str, Language], pivot: str
) -> dict[str, Any] | None:
    """The settings of a system's adapters, if it has any (flags.Adapters)."""
    if system.method != "adapter":
        return None
    return {
        "sets": adapter_sets(system, languages, pivot),
        "bottleneck": system.bottleneck,
        "per_layer": system.adapters_per_layer,
    }


def adapter_sets(system: System, languages: Mapping[str, Language], pivot: str) -> dict[str, str]:
    """The set of adapters of each direction: its own, or that of its family and side.

    The paper's en->Germanic has a set of its own, Germanic->en another (appendix A.2).
    """
    if system.sharing == "pair":
        return {direction: direction for direction in system.directions}
    sets = {}
    for direction in system.directions:
        source, target = direction.split("-")
        if source == pivot:
            sets[direction] = f"{pivot}-{languages[target].family}"
        else:
            sets[direction] = f"{languages[source].family}-{pivot}"
    return sets


def shard(directions: Iterable[str], item: str) -> list[str]:
    """The directions of one of several jobs; `2-of-3` has the second, the fifth and so on."""
    number, _, total = item.partition("-of-")
    return list(directions)[int(number) - 1 :: int(total)]


# of the config: places, machines, what is shown, and what each system has a hash of
NOT_SHARED = {"architectures", "systems", "languages", "tables", "analysis", "downloads"}
NOT_SHARED |= {"gpus", "device"}
NOT_OF_TRAININGS = {"label", "tables", "seeds"}


def settings_digests(
    config: Row, languages: Mapping[str, Language], systems: Mapping[str, System]
) -> dict[str, Any]:
    """What tells whether results of two runs may stand beside each other.

    Returns:
        `shared`, a hash of the settings that all systems have in common, and by system a hash of
        its own and of its parent's: seeds are in none.
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
    """Eight digits that change with the settings of a system, or of its parent."""
    own = {name: value for name, value in vars(system).items() if name not in NOT_OF_TRAININGS}
    if system.method == "imported":
        return digest(own)
    sizes = system_architecture(system, systems, architectures)
    if system.method == "lass":
        sizes |= {
            "fine_tuning": system_architecture(system, systems, architectures, fine_tuning=True)
        }
    parent = system_digest(systems[system.parent], systems, architectures) if system.parent else ""
    return digest([own, sizes, parent])
