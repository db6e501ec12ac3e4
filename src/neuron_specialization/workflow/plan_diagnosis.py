"""The plan for the diagnosis in `rules/tables.smk`: could this run have shown the effect?"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.settings.diagnosis import (
    BASELINE,
    ROLES,
    ROLES_WITH_CURVE,
    SPECIALIZED,
    find_roles,
)
from neuron_specialization.workflow.dataset import Dataset, Run, Wildcards, files
from neuron_specialization.workflow.paths import COUNTS, CURVE, DIAGNOSIS, MASKS, SCORES, TESTS
from neuron_specialization.workflow.plan_evaluation import EvaluationPlan
from neuron_specialization.workflow.plan_models import ModelsPlan


@dataclass(frozen=True)
class DiagnosisPlan:
    """The diagnosis of a dataset; a dataset that specializes no neurons here has none."""

    dataset: Dataset
    models: ModelsPlan
    evaluation: EvaluationPlan

    @cached_property
    def runs(self) -> dict[str, list[Run]]:
        """The runs of each role (`settings.diagnosis.ROLES`)."""
        dataset = self.dataset
        if not any(row.method == "neuron_specialization" for row in dataset.systems.values()):
            return {role: [] for role in ROLES}
        (baseline,) = dataset.analysed
        roles = find_roles(dataset.systems, baseline, dataset.config["architectures"])
        return {role: dataset.runs(row.system for row in rows) for role, rows in roles.items()}

    @cached_property
    def table(self) -> list[str]:
        """The diagnosis as CSV, if there is one."""
        return [DIAGNOSIS] if self.runs[BASELINE] else []

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the files that the diagnosis reads, all made by other jobs."""
        split = self.dataset.config["test_splits"][0]
        with_curve = {*self.models.with_curve}
        curves = {
            f"curves_{role}": files(CURVE, [run for run in runs if run in with_curve])
            for role, runs in self.runs.items()
            if role in ROLES_WITH_CURVE
        }
        scores = {
            f"scores_{role}": files(SCORES, runs, split=split) for role, runs in self.runs.items()
        }
        specialized = self.runs[SPECIALIZED]
        compared = [run for run in specialized if self.evaluation.comparisons_of(run)]
        return {
            **curves,
            **scores,
            "counts": files(COUNTS, self.runs[BASELINE]),
            "masks": files(MASKS, specialized),
            "tests": files(TESTS, compared, split=split),
        }

    def settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the other parameters of the diagnosis (`DiagnosisSettings`)."""
        dataset, config = self.dataset, self.dataset.config
        firsts = {role: runs[0].system for role, runs in self.runs.items() if runs}
        architectures = {
            role: dataset.architecture(dataset.systems[firsts[role]])
            for role in ROLES_WITH_CURVE
            if role in firsts
        }
        return {
            "dataset": config["dataset"],
            "split": config["test_splits"][0],
            "metrics": config["metrics"],
            "labels": {role: dataset.labels[name] for role, name in firsts.items()},
            "levels": {code: dataset.languages[code].level for code in dataset.others},
            "pivot": dataset.pivot,
            "schedules": {
                role: {name: own[name] for name in ("learning_rate", "warmup_updates")}
                for role, own in architectures.items()
            },
            "limits": config["diagnosis"],
        }
