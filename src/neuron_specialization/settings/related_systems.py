"""Find the systems that a system is compared with, and the systems of a sweep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from neuron_specialization.errors import InputError
from neuron_specialization.settings.systems import CONTINUATIONS, System


def sweep_systems(
    systems: Mapping[str, System], name: str, percentages: Iterable[float]
) -> dict[float, System]:
    """Return the systems of a sweep of k (Figure 4), by k: one system with different values of k.

    Args:
        systems: all systems.
        name: the system whose k is varied; it represents its original k.
        percentages: the values of k.

    Raises:
        InputError: the system has no k or is a checkpoint, or a row has the name of a system of the
            sweep but other settings. A row with the same settings, whatever its label and tables,
            is used.
    """
    own = systems.get(name)
    if own is None or own.k is None:
        chosen = [row.system for row in systems.values() if row.k is not None]
        raise InputError(f"names {name}, which has no k; systems with a k are {', '.join(chosen)}")
    if own.checkpoint:
        raise InputError(f"names {name}, a checkpoint: it cannot be trained with another k")
    others = {float(k): vary_k(own, float(k), systems) for k in percentages if k != own.k}
    return dict(sorted({**others, own.k: own}.items()))


def vary_k(own: System, k: float, systems: Mapping[str, System]) -> System:
    """Return a system with another k, or the row that already describes it."""
    varied = replace(
        own,
        system=f"{own.system}_k{k:g}",
        label=f"{own.label}, k = {k:g}",
        k=k,
        tables=(),
        zero_shot=(),
    )
    row = systems.get(varied.system, varied)
    if replace(row, label=varied.label, tables=varied.tables, zero_shot=()) != varied:
        raise InputError(
            f"has {varied.system}, {own.system} with k = {k:g}, but a row of that name has other "
            "settings; give it the same settings or rename it"
        )
    return row


def check_one_parent(swept: Sequence[System]) -> None:
    """Raise InputError if the systems of a sweep, which are drawn together, have two parents."""
    for row in swept[1:]:
        if row.parent != swept[0].parent:
            raise InputError(
                f"names {swept[0].system} and {row.system}, whose parents are {swept[0].parent} "
                f"and {row.parent}; Figure 4 shows gains over one parent: name systems of one"
            )


def find_controls(system: System, systems: Mapping[str, System]) -> list[System]:
    """Return the continued baselines of a system: multilingual continuations of its parent."""
    return [
        other
        for other in systems.values()
        if other.method == "multilingual" and other.parent == system.parent != ""
    ]


def same_number(system: System) -> System:
    """Return a system with the plain settings that select the same number of neurons."""
    return replace(system, counting=system.sparsity_of or system.counting, sparsity_of="")


def find_shuffled(system: System, systems: Mapping[str, System]) -> list[System]:
    """Return the systems with the same settings and number of neurons, but drawn at random."""
    if system.k is None or system.shuffled:
        return []
    return [
        other
        for other in systems.values()
        if same_number(other)
        == replace(
            same_number(system),
            shuffled=True,
            system=other.system,
            label=other.label,
            tables=other.tables,
            seeds=other.seeds,
            zero_shot=other.zero_shot,
        )
    ]


def find_rivals(system: System, systems: Mapping[str, System]) -> list[System]:
    """Return the other fine-tuned continuations of the parent of its first specialized system."""
    siblings = [
        other
        for other in systems.values()
        if other.parent == system.parent and other.method in CONTINUATIONS and other.fine_tune
    ]
    main = next(
        (other for other in siblings if other.is_full_specialization and other.tables), None
    )
    return [other for other in siblings if other != main] if system == main else []


def find_comparisons(
    system: System, systems: Mapping[str, System], seed: int
) -> list[tuple[str, str, int]]:
    """Return the runs that a continuation is tested against: role, system and seed.

    `parent` is the system it continues from. `control` is the continued baseline: the first
    multilingual continuation of the same parent, if the system is fine-tuned. `shuffled` has the
    same number of neurons, drawn at random. The first specialized system of a parent has as
    `rival`s all its other fine-tuned continuations, with which the paper compares it.
    """
    if not system.parent:
        return []
    others = [("parent", systems[system.parent])]
    if system.method in CONTINUATIONS and system.fine_tune:
        others += [("control", other) for other in find_controls(system, systems)[:1]]
    others += [("shuffled", other) for other in find_shuffled(system, systems)[:1]]
    compared = {other.system for _, other in others}
    rivals = [other for other in find_rivals(system, systems) if other.system not in compared]
    others += [("rival", other) for other in rivals]
    found = []
    for role, other in others:
        if seed in other.seeds or len(other.seeds) == 1:
            found.append((role, other.system, seed if seed in other.seeds else other.seeds[0]))
    return found
