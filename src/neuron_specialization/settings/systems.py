"""The systems of the configuration, one row of systems.tsv each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.settings.directions import (
    check_trained,
    expand_directions,
    expand_zero_shot,
)
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.rows import (
    Row,
    check_unique,
    method_columns,
    read_rows,
    read_schema,
)

# the options that a method requires
NEEDED_OPTIONS = {
    "adapter": ("sharing", "bottleneck"),
    "lass": ("pruning",),
    "imported": ("folder",),
}
CONTINUATIONS = ("adapter", "lass", "neuron_specialization")  # methods that need a parent


@dataclass(frozen=True, kw_only=True)
class System:
    """A row of systems.tsv, whose columns and options config/README.md describes."""

    system: str
    label: str
    method: str
    architecture: str = ""
    parent: str = ""
    directions: tuple[str, ...]
    """What it is trained on, or a checkpoint recorded on, in the order of `every_direction`."""
    tables: tuple[str, ...] = ("levels",)
    seeds: tuple[int, ...] = (1,)
    # multilingual, neuron_specialization
    checkpoint: str = ""
    source: str = ""
    codes: str = ""
    zero_shot: tuple[str, ...] = ()
    """Other directions, without the pivot, that it is scored on."""
    # bilingual
    vocabulary: str = "joint"
    # adapter
    sharing: str = ""
    bottleneck: int = 0
    adapters_per_layer: int = 2
    # lass
    pruning: float = 0.0
    output_projection: bool = False
    # neuron_specialization
    k: float | None = None
    counting: str = "token"
    sparsity_of: str = ""
    random_percent: float | None = None
    shuffled: bool = False
    fine_tune: bool = True
    stacks: str = "both"
    # imported
    folder: str = ""
    parameters: int | None = None

    @property
    def scored(self) -> tuple[str, ...]:
        """The directions that it translates and is scored on."""
        return (*self.directions, *self.zero_shot)

    @property
    def selects_both_stacks(self) -> bool:
        """Return whether its directions have their own neurons, by Eq. 1, in both stacks."""
        own = self.k is not None and not self.shuffled and not self.sparsity_of
        return own and self.stacks == "both"

    @property
    def is_full_specialization(self) -> bool:
        """Return whether it fine-tunes selected neurons of both stacks: the paper's main system."""
        return self.selects_both_stacks and self.fine_tune


def read_systems(
    path: Path,
    schema_path: Path,
    *,
    languages: Mapping[str, Language],
    pivot: str,
    architectures: Iterable[str],
    tables: Iterable[str],
) -> dict[str, System]:
    """Read and check systems.tsv."""
    rows = read_rows(path, schema_path)
    methods = method_columns(read_schema(schema_path))
    check_unique((row["system"] for row in rows), path, "system")
    systems = {}
    for row in rows:
        try:
            check_options(row, methods)
            directions = expand_directions(row.pop("directions"), languages, pivot)
            if "zero_shot" in row:
                row["zero_shot"] = expand_zero_shot(row["zero_shot"], directions, languages, pivot)
            seeds = tuple(int(seed) for seed in str(row.pop("seed", 1)).split())
            if "tables" in row:
                row["tables"] = tuple(row["tables"].split())
            systems[row["system"]] = System(**row, directions=directions, seeds=seeds)
        except InputError as error:
            raise InputError(f"{path}: system {row['system']} {error}") from None
    for system in systems.values():
        try:
            check_checkpoint(system)
            check_parent(system, systems)
            if not is_pretrained(system, systems):
                check_trained(system.directions, pivot)
            check_architecture(system, architectures)
            for table in system.tables:
                check_known("table", table, tables)
        except InputError as error:
            raise InputError(f"{path}: system {system.system} {error}") from None
    check_labels(systems.values(), path)
    return systems


def check_options(row: Row, methods: Mapping[str, Collection[str]]) -> None:
    """Raise InputError if a row has another method's options or lacks its method's.

    Args:
        row: the cells of a system.
        methods: the methods that each option belongs to.
    """
    method = row["method"]
    foreign = sorted(name for name in row if method not in methods.get(name, [method]))
    if foreign:
        raise InputError(f"has a value for {foreign[0]}, which does not apply to {method}")
    for column in NEEDED_OPTIONS.get(method, ()):
        if column not in row:
            raise InputError(f"needs a value for {column}")
    if method == "neuron_specialization" and ("k" in row) == ("random_percent" in row):
        raise InputError("needs either k or random_percent")
    if row.get("shuffled") and "random_percent" in row:
        raise InputError("is shuffled: give k, as random_percent draws neurons at random anyway")
    check_sparsity_of(row)


def check_sparsity_of(row: Row) -> None:
    """Raise InputError if the numbers of neurons of another counting are not well defined."""
    other = row.get("sparsity_of")
    if other and "random_percent" in row:
        raise InputError("has sparsity_of: give k, as random_percent sets the number of neurons")
    if other and other == row.get("counting", System.counting):
        raise InputError(
            f"has sparsity_of={other}, but neurons are counted per {other} already: remove it, or "
            "set counting to the other way"
        )


def is_pretrained(system: System, systems: Mapping[str, System]) -> bool:
    """Return whether a system comes from elsewhere, at most with masks added here."""
    if system.method == "imported" or system.checkpoint:
        return True
    return not system.fine_tune and bool(systems[system.parent].checkpoint)


def check_checkpoint(system: System) -> None:
    """Raise InputError if a system cannot have the checkpoint that it names."""
    if not system.checkpoint:
        if system.source:
            raise InputError(f"has the source {system.source}, but no checkpoint in it")
    elif system.method == "multilingual" and system.parent:
        raise InputError("has a parent and a checkpoint: leave one of them empty")
    elif not system.fine_tune:
        raise InputError("has a checkpoint, but fine_tune=no uses its parent's: leave one out")
    elif system.shuffled or system.random_percent is not None:
        raise InputError("has a checkpoint, whose random neurons cannot be drawn again: use k")


def check_parent(system: System, systems: Mapping[str, System]) -> None:
    """Raise InputError if the parent is missing but required, or cannot be continued."""
    if not system.parent:
        if system.method in CONTINUATIONS:
            raise InputError("needs a parent")
        return
    if system.method == "bilingual":
        raise InputError("has a parent, but bilingual models are trained from scratch")
    if system.parent not in systems:
        raise InputError(f"has an unknown parent {system.parent}; known are {', '.join(systems)}")
    parent = systems[system.parent]
    if system.method == "imported":
        if parent.method != "imported" or parent is system:
            raise InputError(
                f"has the parent {system.parent}, which is not another imported system"
            )
        return
    if parent.parent or parent.method != "multilingual":
        kind = "itself a continuation" if parent.parent else "not a multilingual model"
        raise InputError(f"has the parent {system.parent}, which is {kind}")
    missing = [name for name in system.directions if name not in parent.directions]
    if missing:
        raise InputError(f"has direction {missing[0]}, which its parent {system.parent} lacks")
    for seed in system.seeds:
        parent_seed(parent, seed)


def parent_seed(parent: System, seed: int) -> int:
    """Return the seed of the parent run that a continuation starts from: the same, or the only."""
    if seed in parent.seeds:
        return seed
    if len(parent.seeds) == 1:
        return parent.seeds[0]
    seeds = " ".join(map(str, parent.seeds))
    raise InputError(f"has seed {seed}, but its parent {parent.system} has the seeds {seeds}")


def check_architecture(system: System, architectures: Iterable[str]) -> None:
    """Raise InputError unless the architecture is known or left to the parent."""
    if system.method == "imported":
        if system.architecture:
            raise InputError("is imported: leave its architecture empty")
    elif not system.parent:
        check_known("architecture", system.architecture, architectures)
    elif system.architecture:
        raise InputError("has a parent: leave its architecture empty; the parent's is used")


def check_known(noun: str, name: str, known: Iterable[str]) -> None:
    """Raise InputError unless the config has a name."""
    if name not in known:
        raise InputError(f"has {noun} '{name}', which the config lacks; it has {', '.join(known)}")


def check_labels(systems: Iterable[System], path: Path) -> None:
    """Raise InputError if systems with one label, which form a table row, share a direction."""
    owners: dict[tuple[str, str], str] = {}
    for system in systems:
        for direction in system.scored:
            owner = owners.setdefault((system.label, direction), system.system)
            if owner != system.system:
                raise InputError(
                    f"{path}: systems {owner} and {system.system} have the label {system.label}, "
                    f"and both have direction {direction}"
                )
