"""Limits of a diagnosis in tests; no two are equal."""

from dataclasses import replace

from neuron_specialization.settings.diagnosis import DiagnosisLimits

LIMITS = DiagnosisLimits(
    max_change=1,
    min_interference=0.5,
    max_further_gain=2,
    max_never_firing=10,
    min_differing=20,
    min_sparsity=15,
    max_sparsity=40,
    max_restart_rate=3,
    min_restart_updates=5,
    max_detectable={"bleu": 1.3},
)


def limits(**changes: object) -> DiagnosisLimits:
    """Return LIMITS with changes."""
    return replace(LIMITS, **changes)
