"""The plan for the text of Debian packages (`rules/data.smk`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.corpora.corpus_files import NONE, PACKAGES, TRAIN, pair_name
from neuron_specialization.workflow.dataset import Dataset
from neuron_specialization.workflow.paths import PACKAGE_TEXT
from neuron_specialization.workflow.plan_downloads import DownloadsPlan

VALID = "valid"


@dataclass(frozen=True)
class PackagesPlan:
    """Splits of format `packages`.

    One job reads the packages and makes all these splits, as a text that is held out for one
    language must be in no other's training text.
    """

    dataset: Dataset
    downloads: DownloadsPlan

    @cached_property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """The settings of the splits."""
        splits: list[Mapping[str, Any]] = self.dataset.config["corpora"]["splits"]
        return {split["name"]: split for split in splits if split["format"] == PACKAGES}

    @property
    def source(self) -> str:
        """The corpus of the packages in the table of sources; "" if there is no such split."""
        return str(self.splits[TRAIN]["source"]) if self.splits else ""

    @property
    def folder(self) -> str:
        """The folder of the packages."""
        return str(self.downloads.path(self.source))

    @property
    def fetched(self) -> list[str]:
        """The marker file of the fetched packages."""
        return self.downloads.fetched(self.source)

    @property
    def contents(self) -> list[str]:
        """The table of hashes of text that is known, if one is given."""
        table = self.dataset.config["corpora"]["package_contents"] if self.splits else ""
        return [self.dataset.path(table)] if table else []

    @property
    def text(self) -> list[str]:
        """Both sides of every pair of each split."""
        return [
            PACKAGE_TEXT.format(split=split, pair=pair, lang=side)
            for split in self.splits
            for code in self._languages(split)
            for pair in [pair_name(self.dataset.pivot, code)]
            for side in pair.split("-")
        ]

    def _languages(self, split: str) -> list[str]:
        """Return the languages that have a split."""
        source = self.dataset.splits[split]
        return [code for code in self.dataset.used if source.of(code).format != NONE]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the job: only those that change its text."""
        # what is tested comes first, so that it does not depend on the size of `valid`
        held_out = sorted(self.splits.keys() - {TRAIN}, key=lambda name: (name == VALID, name))
        return {
            "pivot": self.dataset.pivot,
            "codes": {code: code for code in self.dataset.used},
            "train": self.splits[TRAIN]["kinds"] if self.splits else [],
            "held_out": {
                name: {
                    "kind": self.splits[name]["kinds"][0],
                    "sentences": self.splits[name]["sentences"],
                    "languages": tuple(self._languages(name)),
                }
                for name in held_out
            },
        }
