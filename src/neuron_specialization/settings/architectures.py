"""Settings of a system's runs, from its row: architecture, adapters, shards."""

from collections.abc import Iterable, Mapping
from typing import Any

from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.rows import Row
from neuron_specialization.settings.systems import System


def system_architecture(
    system: System,
    systems: Mapping[str, System],
    architectures: Mapping[str, Row],
    *,
    fine_tuning: bool = False,
) -> dict[str, Any]:
    """Return the model sizes and training settings of a system.

    A continuation has its parent's settings, changed by the architecture's `continuation`, and no
    patience, so that all make the same number of updates. LaSS's fine-tunes have the same settings,
    changed again by `fine_tuning`.
    """
    settings = dict(architectures[system.architecture or systems[system.parent].architecture])
    changes = {name: settings.pop(name) for name in ("continuation", "fine_tuning")}
    if system.parent:
        settings |= {"patience": -1, **changes["continuation"]}
    return settings | (changes["fine_tuning"] if fine_tuning else {})


def adapter_settings(
    system: System, languages: Mapping[str, Language], pivot: str
) -> dict[str, Any] | None:
    """Return the settings of a system's adapters, if it has any (`Adapters`)."""
    if system.method != "adapter":
        return None
    return {
        "sets": adapter_sets(system, languages, pivot),
        "bottleneck": system.bottleneck,
        "per_layer": system.adapters_per_layer,
    }


def adapter_sets(system: System, languages: Mapping[str, Language], pivot: str) -> dict[str, str]:
    """Return the set of adapters of each direction: one per direction, or per family and side.

    As in the paper, en->Germanic and Germanic->en have separate sets (appendix A.2).
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
    """Return the directions of one of several jobs; `2-of-3` has the second, fifth and so on."""
    number, _, total = item.partition("-of-")
    return list(directions)[int(number) - 1 :: int(total)]
