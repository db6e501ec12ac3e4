"""The plan for pairs without the pivot, which are joined from pairs with it (`rules/data.smk`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from neuron_specialization.settings.pivot import has_pivot
from neuron_specialization.workflow.dataset import Dataset
from neuron_specialization.workflow.paths import CORPUS, REPORT_OF_PART

TESTS, RECORDED = "joined.tests", "joined.recorded"
"""Parts of the corpora's report."""
Pairs = dict[str, list[str]]
"""By split, pairs of languages without the pivot."""


@dataclass(frozen=True)
class JoinedPlan:
    """Pairs without the pivot: of test splits, and of the split that activations are recorded on.

    These are made by two jobs, so that nothing of a test is an input of training. Each split is
    binarised apart, its pairs with the pivot and without: a system reads one folder of a split, and
    a direction more in one system changes no input of the others.
    """

    dataset: Dataset

    @cached_property
    def tests(self) -> Pairs:
        """The pairs of each test split, but for the split of `recorded`."""
        rows = [self.dataset.systems[name] for name in self.dataset.local]
        splits = (s for s in self.dataset.config["test_splits"] if s not in self.recorded)
        found = {split: self._pairs(split, (d for r in rows for d in r.scored)) for split in splits}
        return {split: pairs for split, pairs in found.items() if pairs}

    @cached_property
    def recorded(self) -> Pairs:
        """The pairs of the split that activations are recorded on; it may be a test split, too."""
        split = self.dataset.config["recording"]["split"]
        rows = [self.dataset.systems[name] for name in self.dataset.recorded]
        if not self._pairs(split, (d for row in rows for d in row.directions)):
            return {}
        if split in self.dataset.config["test_splits"]:
            rows = [self.dataset.systems[name] for name in self.dataset.local]
        return {split: self._pairs(split, (d for row in rows for d in row.scored))}

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of each split."""
        return {**self.recorded, **self.tests}

    def _pairs(self, split: str, directions: Iterable[str]) -> list[str]:
        """Return the pairs of the directions without the pivot that have a split."""
        dataset = self.dataset
        chosen = {
            dataset.pair_of(name)
            for name in directions
            if not has_pivot(name, dataset.pivot) and dataset.has_split(split, name)
        }
        return sorted(chosen, key=lambda pair: [dataset.others.index(c) for c in pair.split("-")])

    def text(self, splits: Iterable[str], *, raw: bool = False) -> list[str]:
        """Return both sides of every pair of some splits, or their raw text."""
        return [
            CORPUS.format(split=f"raw.{split}" if raw else split, pair=pair, lang=lang)
            for split in splits
            for pair in self.pairs.get(split, [])
            for lang in pair.split("-")
        ]

    def raw(self, pairs: Pairs) -> list[str]:
        """Return the splits that are tokenised here, whose raw text is kept as well."""
        return [split for split in pairs if self.dataset.splits[split].tokenise]

    def outputs(self, pairs: Pairs) -> list[str]:
        """Return the text that a job makes: of all its splits."""
        return [*self.text(pairs), *self.text(self.raw(pairs), raw=True)]

    def sources(self, pairs: Pairs) -> list[str]:
        """Return the text that a job reads: of all pairs with the pivot."""
        splits = [*pairs, *(f"raw.{split}" for split in self.raw(pairs))]
        return [
            CORPUS.format(split=split, pair=pair, lang=lang)
            for split in splits
            for pair in self.dataset.pairs
            for lang in pair.split("-")
        ]

    @property
    def reports(self) -> list[str]:
        """The reports of the jobs that make any text."""
        parts = [*([TESTS] if self.tests else []), *([RECORDED] if self.recorded else [])]
        return [REPORT_OF_PART.format(part=part) for part in parts]

    @property
    def parts(self) -> dict[str, str]:
        """The split of each part that is binarised with pairs without the pivot."""
        return {self.part_of(split): split for split in self.pairs}

    def part_of(self, split: str) -> str:
        """Return the part that has all pairs of a split."""
        return f"joined.{split}"

    def needs(self, directions: Iterable[str], split: str) -> bool:
        """Return whether some of the directions have no pivot, and a split that is not training."""
        return split in self.pairs and bool(self._pairs(split, directions))
