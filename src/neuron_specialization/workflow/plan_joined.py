"""The plan for pairs without the pivot, which are joined from pairs with it (`rules/data.smk`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from neuron_specialization.settings.pivot import has_pivot
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import CORPUS, REPORT_OF_PART

Pairs = dict[str, list[str]]
"""By split, pairs of languages without the pivot."""


@dataclass(frozen=True)
class JoinedPlan:
    """Pairs without the pivot: of test splits, and of the split that activations are recorded on.

    A job makes the pairs of one split, so that nothing of a test is an input of training, and
    another test leads to no new scores of the first. Each split is binarised apart, its pairs with
    the pivot and without: a system reads one folder of a split, and a direction more in one system
    changes no input of the others.
    """

    dataset: Dataset

    @cached_property
    def tests(self) -> Pairs:
        """The pairs of each test split, but for the split that activations are recorded on."""
        return {s: pairs for s, pairs in self.pairs.items() if s != self._recorded_split}

    @cached_property
    def recorded(self) -> Pairs:
        """The pairs of the split that activations are recorded on; it may be a test split, too."""
        return {s: pairs for s, pairs in self.pairs.items() if s == self._recorded_split}

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of each split."""
        splits = dict.fromkeys([self._recorded_split, *self.dataset.config["test_splits"]])
        found = {split: self._pairs(split, self._directions(split)) for split in splits}
        return {split: pairs for split, pairs in found.items() if pairs}

    @property
    def _recorded_split(self) -> str:
        return str(self.dataset.config["recording"]["split"])

    def _directions(self, split: str) -> Iterator[str]:
        """Yield the directions that are recorded or scored on a split."""
        dataset = self.dataset
        if split == self._recorded_split:
            yield from (d for name in dataset.recorded for d in dataset.systems[name].directions)
        if split in dataset.config["test_splits"]:
            yield from (d for name in dataset.local for d in dataset.systems[name].scored)

    def _pairs(self, split: str, directions: Iterable[str]) -> list[str]:
        """Return the pairs of the directions without the pivot that have a split."""
        dataset = self.dataset
        chosen = {
            dataset.pair_of(name)
            for name in directions
            if not has_pivot(name, dataset.pivot) and dataset.has_split(split, name)
        }
        return sorted(chosen, key=lambda pair: [dataset.others.index(c) for c in pair.split("-")])

    def text(self, splits: Iterable[str]) -> list[str]:
        """Return both sides of every pair of some splits."""
        return [name for split in splits for name in _text(split, self.pairs.get(split, []))]

    def outputs(self, splits: Pairs) -> list[str]:
        """Return the text that the job of each of some splits makes, by wildcard, and its raw text.

        A pair that only another of them has is an empty file, as in `prepare_test`.
        """
        pairs = list(dict.fromkeys(chain.from_iterable(splits.values())))
        return _text("{split}", pairs) + _text("raw.{split}", pairs)

    def sources(self, wildcards: Wildcards) -> list[str]:
        """Return the text that a job reads: of all pairs with the pivot."""
        split, pairs = wildcards.split, self.dataset.pairs
        raw = _text(f"raw.{split}", pairs) if self.has_raw(wildcards) else []
        return _text(split, pairs) + raw

    def pairs_of(self, wildcards: Wildcards) -> list[str]:
        """Return the pairs of a job's split."""
        return self.pairs[wildcards.split]

    def has_raw(self, wildcards: Wildcards) -> bool:
        """Return whether a job's split is a test that is tokenised here: its raw text differs."""
        is_test = wildcards.split in self.dataset.config["test_splits"]
        return bool(is_test and self.dataset.splits[wildcards.split].tokenise)

    @property
    def reports(self) -> list[str]:
        """The reports of the jobs."""
        return [REPORT_OF_PART.format(part=part) for part in self.parts]

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


def _text(split: str, pairs: Iterable[str]) -> list[str]:
    """Return both sides of each pair in a split."""
    names = [(pair, language) for pair in pairs for language in pair.split("-")]
    return [CORPUS.format(split=split, pair=pair, lang=language) for pair, language in names]
