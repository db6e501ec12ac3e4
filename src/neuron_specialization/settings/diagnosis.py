"""Settings of the diagnosis, which says whether a run could have shown the effect."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuron_specialization.settings.related_systems import find_controls
from neuron_specialization.settings.rows import Row
from neuron_specialization.settings.systems import System

BASELINE, SPECIALIZED, CONTINUED = "baseline", "specialized", "continued"
RANDOM, BILINGUAL = "random", "bilingual"
ROLES = (BASELINE, SPECIALIZED, CONTINUED, RANDOM, BILINGUAL)
ROLES_WITH_CURVE = (BASELINE, SPECIALIZED)
"""Roles whose validations and learning rates are compared."""
SIZES = ("layers", "d_model", "d_ff", "decoder_layers", "decoder_d_ff")
"""Settings that make two models equally large; the decoder's may be left out."""


@dataclass(frozen=True, kw_only=True)
class DiagnosisLimits:
    """Limits of the diagnosis, fixed before a run: `diagnosis` in config/README.md."""

    max_change: float
    min_interference: float
    max_further_gain: float
    max_never_firing: float
    min_differing: float
    min_sparsity: float
    max_sparsity: float
    max_restart_rate: float
    min_restart_updates: float
    max_detectable: Mapping[str, float]
    """By metric, in its points."""


def find_roles(
    systems: Mapping[str, System], baseline: str, architectures: Mapping[str, Row]
) -> dict[str, list[System]]:
    """Return the systems of each of ROLES that a diagnosis compares; a role may have none.

    Args:
        systems: all systems.
        baseline: the system whose neurons are analysed; the others are its continuations, or
            bilingual models of its size.
        architectures: the settings of each architecture.
    """
    own = systems[baseline]
    children = [row for row in systems.values() if row.parent == baseline]
    specialized = [row for row in children if row.is_full_specialization][:1]
    drawn = [row for row in children if row.random_percent is not None]

    def size_of(row: System) -> list[object]:
        name = row.architecture or systems[row.parent].architecture
        return [architectures[name].get(size, 0) for size in SIZES]

    bilingual = [row for row in systems.values() if row.method == "bilingual"]
    return {
        BASELINE: [own],
        SPECIALIZED: specialized,
        CONTINUED: [row for each in specialized for row in find_controls(each, systems)][:1],
        RANDOM: [row for row in drawn if row.fine_tune and row.stacks == "both"][:1],
        BILINGUAL: [row for row in bilingual if size_of(row) == size_of(own)],
    }
