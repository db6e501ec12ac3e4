"""The diagnosis: could this run have shown the effect? (docs/diagnosis.md)

A null result says something only where the effect could appear.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain

import pandas as pd

from neuron_specialization.neurons.sides import other_language
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.diagnosis import (
    BASELINE,
    CONTINUED,
    ROLES_WITH_CURVE,
    SPECIALIZED,
    DiagnosisLimits,
)
from neuron_specialization.settings.pivot import has_pivot
from neuron_specialization.tables.curves import Curve
from neuron_specialization.tables.model_checks import (
    Schedule,
    check_converged,
    check_neurons,
    check_restart,
    check_sparsity,
)
from neuron_specialization.tables.render import MISSING, TextTable, capitalise
from neuron_specialization.tables.score_checks import (
    check_further_training,
    check_interference,
    check_power,
    mean_scores,
)
from neuron_specialization.tables.setup_tables import SetupTable
from neuron_specialization.tables.verdicts import Verdict, name_of, show

COLUMNS = tuple(field.name for field in fields(Verdict))


@dataclass(frozen=True, kw_only=True)
class DiagnosisSettings:
    """The systems of a diagnosis, and its limits."""

    dataset: str
    split: str
    """The test split of the scores."""
    metrics: Sequence[str]
    """All metrics; interference is measured by the first whose gain in the paper is known."""
    labels: Mapping[str, str]
    """Label of the system of each role that has one (`settings.diagnosis.ROLES`)."""
    levels: Mapping[str, str]
    """Resource level of each language but the pivot, "" for none."""
    pivot: str
    schedules: Mapping[str, Schedule]
    """Of the baseline and of its specialized continuation, by role."""
    limits: DiagnosisLimits

    @property
    def compared(self) -> list[str]:
        """The metrics in which the paper's gain is known, or else the first."""
        known = [name for name in self.metrics if name in self.limits.max_detectable]
        return known or [self.metrics[0]]

    def level_of(self, pairs: Iterable[str]) -> dict[str, str]:
        """Return the resource level of directions, by their language that is not the pivot."""
        return {pair: self.levels.get(other_language(pair, self.pivot), "") for pair in pairs}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a run left, an item per seed; empty where the dataset lacks it."""

    curves: Mapping[str, Sequence[Curve]]
    """Validations by role."""
    counts: Sequence[Counts]
    """Activations of the baseline."""
    masks: Sequence[Masks]
    """Masks of the specialized system."""
    scores: Mapping[str, Sequence[pd.DataFrame]]
    """Scores by role (`scoring.corpus_table`)."""
    tests: Sequence[pd.DataFrame]
    """Paired tests of the specialized system against the continued baseline."""


def diagnose(evidence: Evidence, settings: DiagnosisSettings) -> list[Verdict]:
    """Return the verdict of every check, on directions with the pivot: others are not trained."""
    limits, label, metrics = settings.limits, settings.labels[BASELINE], settings.metrics
    curves, own_curves = (evidence.curves[role] for role in ROLES_WITH_CURVE)
    schedule, own_schedule = (settings.schedules.get(role, {}) for role in ROLES_WITH_CURVE)
    compared = settings.compared
    scores = {metric: _scores(evidence, metric, settings.pivot) for metric in compared}
    tests = [
        rows[rows["pair"].map(lambda pair: has_pivot(pair, settings.pivot)).astype(bool)]
        for rows in evidence.tests
    ]
    level_of = settings.level_of(scores[compared[0]][BASELINE])
    gains = [check_further_training(scores[name], label, name, limits) for name in compared]
    return [
        check_converged(curves, label, limits),
        *check_interference(scores[compared[0]], level_of, label, compared[0], limits),
        *chain.from_iterable(gains),
        *check_neurons(evidence.counts, evidence.masks, label, limits),
        *check_sparsity(evidence.masks, limits),
        *check_restart(curves, own_curves, schedule, own_schedule, limits),
        *(check_power(tests, metric, limits) for metric in metrics),
    ]


def _scores(evidence: Evidence, metric: str, pivot: str) -> dict[str, dict[str, float]]:
    """Return the score of each direction with the pivot in a metric, by role."""
    return {
        role: {
            pair: score
            for pair, score in mean_scores(frames, metric).items()
            if has_pivot(pair, pivot)
        }
        for role, frames in evidence.scores.items()
    }


def describe_diagnosis(verdicts: Sequence[Verdict], settings: DiagnosisSettings) -> SetupTable:
    """Return the diagnosis as a table: numbers beside their limits, reasons below."""
    labels = settings.labels
    systems = f"Baseline: {labels[BASELINE]}; specialized: {labels.get(SPECIALIZED, 'none')}; "
    return SetupTable(
        numbers=pd.DataFrame([asdict(verdict) for verdict in verdicts], columns=list(COLUMNS)),
        texts=[diagnosis_text(verdicts)],
        title=f"Could this run on {settings.dataset} have shown the effect?",
        footer=[
            f"{systems}continued baseline: {labels.get(CONTINUED, 'none')}; scores of the split "
            f"{settings.split}",
            "Several seeds: numbers are their means",
            "Limits: the section diagnosis of the configuration, fixed before the run; shown: "
            "without a limit",
            *(f"{capitalise(name_of(each.line, each.part))}: {each.reason}" for each in verdicts),
        ],
    )


def diagnosis_text(verdicts: Sequence[Verdict]) -> TextTable:
    """Return a row per verdict, without its reason."""
    rows = [
        (
            each.line,
            each.part or MISSING,
            MISSING if each.status == "unknown" else f"{show(each.value)} {each.unit}",
            each.limit or MISSING,
            each.status,
        )
        for each in verdicts
    ]
    return TextTable(
        labels=("Line", "Part"),
        columns=(("measured", ""), ("limit", ""), ("verdict", "")),
        rows=tuple(rows),
        block_labels=1,
    )
