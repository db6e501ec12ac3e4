"""The plan for the off-target rate in `rules/evaluate.smk`: the text of its identifier."""

from collections.abc import Iterator
from dataclasses import dataclass

from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.settings.configuration import Key
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import IDENTIFIER_ACCURACY
from neuron_specialization.workflow.plan_corpora import CorporaPlan

METRIC = "off_target"


@dataclass(frozen=True)
class OffTargetPlan:
    """The text that the language identifier learns from, and is measured on."""

    dataset: Dataset
    corpora: CorporaPlan

    def source(self, test: str) -> str:
        """Return the split whose text the identifier of a test split learns from, "" if none."""
        splits = (TRAIN, "valid", self.dataset.config["recording"]["split"])
        there = [name for name in splits if name in self.dataset.splits and name != test]
        return there[0] if there and self.dataset.local else ""

    def text(self, wildcards: Wildcards) -> list[str]:
        """Return the text that the identifier of a job's test split learns from."""
        return self.corpora.text([self.source(wildcards.split)])

    def held_out(self, wildcards: Wildcards) -> list[str]:
        """Return the text of a job's test split, none of which the identifier may learn."""
        return self.corpora.text([wildcards.split])

    @property
    def tables(self) -> list[str]:
        """The accuracy of the identifier on each test split, as Markdown."""
        if METRIC not in self.dataset.config["metrics"]:
            return []
        path = IDENTIFIER_ACCURACY.replace(".csv", ".md")
        return [path.format(split=split) for split in self.dataset.config["test_splits"]]

    def problems(self) -> Iterator[tuple[Key, str]]:
        """Yield the test splits for which there is no text to learn languages from."""
        if METRIC not in self.dataset.config["metrics"]:
            return
        if lacking := [s for s in self.dataset.config["test_splits"] if not self.source(s)]:
            yield (
                ("metrics",),
                f"metrics has {METRIC}, but there is no text that its language identifier could "
                f"learn from for {', '.join(lacking)}: it needs a split train, valid or "
                "recording.split, other than the test, that is prepared here; add one, leave "
                f"{METRIC} out, or use `neuron-specialization score --identifier-text`",
            )
