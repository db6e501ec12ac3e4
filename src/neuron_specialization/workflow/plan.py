"""The plan: everything that the rules need, made once from the configuration (`make_plan`).

Rules use `plan.corpora.x` or `plan.tables.y(wildcards)`; each file of rules has a part of the plan.
Functions that take `wildcards` are input functions, or functions of parameters.
"""

from dataclasses import dataclass
from functools import cached_property

from neuron_specialization.workflow.dataset import Dataset, pattern
from neuron_specialization.workflow.plan_claims import ClaimsPlan
from neuron_specialization.workflow.plan_corpora import CorporaPlan
from neuron_specialization.workflow.plan_diagnosis import DiagnosisPlan
from neuron_specialization.workflow.plan_downloads import DownloadsPlan
from neuron_specialization.workflow.plan_evaluation import EvaluationPlan
from neuron_specialization.workflow.plan_figures import FiguresPlan
from neuron_specialization.workflow.plan_joined import JoinedPlan
from neuron_specialization.workflow.plan_models import ModelsPlan
from neuron_specialization.workflow.plan_off_target import OffTargetPlan
from neuron_specialization.workflow.plan_packages import PackagesPlan
from neuron_specialization.workflow.plan_tables import TablesPlan
from neuron_specialization.workflow.plan_vocabularies import VocabulariesPlan


@dataclass(frozen=True, kw_only=True)
class Plan(Dataset):
    """A dataset and its workflow: files, jobs and their parameters."""

    @property
    def path_variables(self) -> dict[str, str]:
        """Folders of results and downloads, for the paths of rules (`workflow/paths.py`)."""
        dataset = f"<results>/{self.config['dataset']}"
        return {
            "dataset": dataset,
            "logs": f"{dataset}/logs",
            "benchmarks": f"{dataset}/benchmarks",
            "neurons": f"{dataset}/neurons/{{system}}/seed{{seed}}/{{counting}}.k{{k}}",
            "downloads": self.downloads.folder,
        }

    @property
    def wildcards(self) -> dict[str, str]:
        """Allowed values of the wildcards of paths, as regular expressions."""
        return {
            "split": pattern({**self.splits, **dict.fromkeys(self.config["test_splits"])}),
            "system": pattern(self.systems),
            "seed": r"\d+",
            "vocabulary": pattern(self.vocabularies.possible),
            "part": pattern(
                [*self.corpora.parts, *self.corpora.binarised_parts, *self.joined.parts]
            ),
            "table": pattern(self.tables.systems),
            "metric": pattern([*self.config["metrics"], *self.evaluation.raw_metrics]),
            "corpus": pattern(self.sources),
            "counting": "sentence|token",
            "k": r"\d+(\.\d+)?",
        }

    @cached_property
    def downloads(self) -> DownloadsPlan:
        """Corpora and models from the internet."""
        return DownloadsPlan(self)

    @cached_property
    def corpora(self) -> CorporaPlan:
        """Corpora as text and as tokens."""
        parts = (self.downloads, self.packages, self.vocabularies, self.joined)
        return CorporaPlan(self, *parts)

    @cached_property
    def packages(self) -> PackagesPlan:
        """The text of Debian packages."""
        return PackagesPlan(self, self.downloads)

    @cached_property
    def joined(self) -> JoinedPlan:
        """Pairs without the pivot, joined from pairs with it."""
        return JoinedPlan(self)

    @cached_property
    def vocabularies(self) -> VocabulariesPlan:
        """Vocabularies, learned or given."""
        return VocabulariesPlan(self, self.downloads)

    @cached_property
    def models(self) -> ModelsPlan:
        """Runs, and the masks and adapters of each direction."""
        return ModelsPlan(self, self.downloads)

    @cached_property
    def evaluation(self) -> EvaluationPlan:
        """Translations, outputs, scores and paired tests."""
        return EvaluationPlan(self, self.corpora)

    @cached_property
    def off_target(self) -> OffTargetPlan:
        """The language identifier of the off-target rate."""
        return OffTargetPlan(self, self.corpora)

    @cached_property
    def diagnosis(self) -> DiagnosisPlan:
        """Whether a run could have shown the effect."""
        return DiagnosisPlan(self, self.models, self.evaluation)

    @cached_property
    def tables(self) -> TablesPlan:
        """Tables of scores and of the set-up."""
        parts = (self.corpora, self.models, self.evaluation, self.off_target, self.diagnosis)
        return TablesPlan(self, *parts)

    @cached_property
    def claims(self) -> ClaimsPlan:
        """The paper's claims, judged by this dataset."""
        return ClaimsPlan(self, self.tables, self.diagnosis)

    @cached_property
    def figures(self) -> FiguresPlan:
        """Figures of neurons and of scores."""
        return FiguresPlan(self, self.tables)
