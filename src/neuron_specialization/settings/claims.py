"""The paper's claims, each with the statistic that would confirm it (config/claims.yaml)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from neuron_specialization.errors import InputError
from neuron_specialization.settings.related_systems import find_controls
from neuron_specialization.settings.rows import read_schema
from neuron_specialization.settings.systems import System

SPECIALIZED, BASELINE, SWEEP = "specialized", "baseline", "sweep"
PAPER_LABELS = {
    SPECIALIZED: "Ours",
    BASELINE: "mT-big",
    "encoder neurons": "Ours-Enc",
    "decoder neurons": "Ours-Dec",
    "random": "Random",
    "lass": "LaSS",
    "pair adapters": "Adapter_LP",
    "family adapters": "Adapter_Fam",
}
"""The paper's name of the system of each role that its tables have."""
NEEDED = {
    "difference": ("row", "against", "cell"),
    "interference": ("row", "against"),
    "families": ("stack", "k"),
    "pairs": ("stack", "k", "pairs"),
    "course": ("stack", "k", "of", "direction"),
    "sparsity": ("k", "paper", "within"),
}
"""The keys that a kind requires in addition to the required ones."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An entry of config/claims.yaml, whose comments describe the kinds."""

    claim: str
    source: str
    kind: str
    row: str = ""
    against: str = ""
    cell: str = ""
    stack: str = ""
    of: str = ""
    k: float = 95
    pairs: tuple[str, ...] = ()
    """Pairs of languages, such as `ar-he`."""
    direction: str = ""
    paper: float | None = None
    within: float = 0
    confirmed_needs: tuple[str, ...]
    """Lines of the diagnosis without which the claim cannot be confirmed."""
    refuted_needs: tuple[str, ...]
    """Lines of the diagnosis without which nothing speaks against the claim."""


def read_claims(path: Path, schema_path: Path) -> list[Claim]:
    """Read and check the claims; raise InputError, naming file and claim, for a bad one."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    problem = best_match(Draft202012Validator(read_schema(schema_path)).iter_errors(entries))
    if problem is not None:
        where = f"claim {int(problem.path[0]) + 1}" if problem.path else "claims"
        raise InputError(f"{path}: {where}: {problem.message}")
    for number, entry in enumerate(entries, start=1):
        lacking = [key for key in NEEDED.get(entry["kind"], ()) if key not in entry]
        if lacking:
            raise InputError(
                f"{path}: claim {number} ({entry['claim']}): a claim of the kind {entry['kind']} "
                f"needs a value for {lacking[0]}"
            )
    lists = ("pairs", "confirmed_needs", "refuted_needs")
    return [
        Claim(**{**entry, **{name: tuple(entry.get(name, ())) for name in lists}})
        for entry in entries
    ]


def find_claimed(systems: Mapping[str, System], sweep: Iterable[System]) -> dict[str, list[System]]:
    """Return the systems of each role of a claim; empty without neuron specialization.

    The specialized system is the first of both stacks, and the others continue the same baseline.
    The sweep has every k but the specialized system's own.
    """
    rows = [row for row in systems.values() if row.tables]
    main = next((row for row in rows if row.is_full_specialization), None)
    if main is None:
        return {}
    siblings = [row for row in rows if row.parent == main.parent and row.fine_tune]
    selected = [row for row in siblings if row.k is not None and not row.shuffled]
    found = {
        SPECIALIZED: [main],
        BASELINE: [systems[main.parent]],
        "continued": find_controls(main, systems),
        "random": [row for row in siblings if row.random_percent is not None],
        "lass": [row for row in siblings if row.method == "lass"],
        "pair adapters": [row for row in siblings if row.sharing == "pair"],
        "family adapters": [row for row in siblings if row.sharing == "family"],
        "encoder neurons": [row for row in selected if row.stacks == "encoder"],
        "decoder neurons": [row for row in selected if row.stacks == "decoder"],
    }
    first = {role: rows[:1] for role, rows in found.items()}
    names = ("system", "label", "tables", "k")
    varied = [
        row
        for row in sweep
        if row.k != main.k and row == replace(main, **{name: getattr(row, name) for name in names})
    ]
    return {**first, SWEEP: varied}
