"""The systems of the configuration, one row of systems.tsv each."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import Language, all_directions
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
    """In the order of `all_directions`."""
    tables: tuple[str, ...] = ("levels",)
    seeds: tuple[int, ...] = (1,)
    # multilingual, neuron_specialization
    checkpoint: str = ""
    source: str = ""
    codes: str = ""
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


def expand_directions(text: str, languages: Mapping[str, Language], pivot: str) -> tuple[str, ...]:
    """Return the directions that a cell names: `all`, or directions of languages or families."""
    every = all_directions(languages, pivot)
    if text == "all":
        return tuple(every)
    families = {languages[code].family for code in languages}
    known = {*every, *all_directions(families - {pivot}, pivot)}
    wanted = {
        direction
        for name in split_names(text, known)
        for direction in name_directions(name, languages, pivot)
    }
    return tuple(direction for direction in every if direction in wanted)


def split_names(text: str, known: Collection[str]) -> Iterator[str]:
    """Yield names separated by blanks; known names may have blanks themselves."""
    words = text.split()
    while words:
        ends = range(len(words), 0, -1)
        end = next((end for end in ends if " ".join(words[:end]) in known), 1)
        yield " ".join(words[:end])
        del words[:end]


def name_directions(name: str, languages: Mapping[str, Language], pivot: str) -> list[str]:
    """Return the directions of a name such as `en-de`, `de-en`, `en-Germanic` or `Germanic-en`."""
    outward = name.startswith(f"{pivot}-")
    other = name.removeprefix(f"{pivot}-") if outward else name.removesuffix(f"-{pivot}")
    if other in (name, pivot):
        raise InputError(
            f"has direction {name}; one side must be the pivot, {pivot}, "
            "the other another language or a family"
        )
    others = [code for code in languages if code != pivot]
    chosen = [code for code in others if other in (code, languages[code].family)]
    if not chosen:
        families = dict.fromkeys(languages[code].family for code in others)
        raise InputError(
            f"has direction {name}, but languages.tsv has no language and no family '{other}'; "
            f"it has {', '.join(others)} of the families {', '.join(families)}"
        )
    return [f"{pivot}-{code}" if outward else f"{code}-{pivot}" for code in chosen]


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
        for direction in system.directions:
            owner = owners.setdefault((system.label, direction), system.system)
            if owner != system.system:
                raise InputError(
                    f"{path}: systems {owner} and {system.system} have the label {system.label}, "
                    f"and both have direction {direction}"
                )
