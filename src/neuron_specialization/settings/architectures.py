"""What a system's row means for its trainings: architecture, adapters, shards."""

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
