"""The plan for the text of Debian packages (`rules/data.smk`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.corpora.corpus_files import NONE, PACKAGES, pair_name
from neuron_specialization.workflow.dataset import Dataset
from neuron_specialization.workflow.paths import PACKAGE_REPORT, PACKAGE_TEXT
from neuron_specialization.workflow.plan_downloads import DownloadsPlan


@dataclass(frozen=True)
class PackagesPlan:
    """Splits of format `packages`.

    One job reads the packages and makes all these splits, as a text that is held out for one
    language must be in no other's training text.
    """

    dataset: Dataset
    downloads: DownloadsPlan

    @cached_property
    def splits(self) -> list[Mapping[str, Any]]:
        """The settings of the splits."""
        splits: list[Mapping[str, Any]] = self.dataset.config["corpora"]["splits"]
        return [split for split in splits if split["format"] == PACKAGES]

    @property
    def fetched(self) -> list[str]:
        """The marker files of the fetched packages."""
        return self.downloads.fetched(*sorted({split["source"] for split in self.splits}))

    @property
    def text(self) -> list[str]:
        """Both sides of every pair of each split."""
        return [
            PACKAGE_TEXT.format(split=split["name"], pair=pair, lang=side)
            for split in self.splits
            for code in self._languages(split)
            for pair in [pair_name(self.dataset.pivot, code)]
            for side in pair.split("-")
        ]

    @property
    def report(self) -> list[str]:
        """The counts by rule, if there is any such split."""
        return [PACKAGE_REPORT] if self.splits else []

    def _languages(self, split: Mapping[str, Any]) -> list[str]:
        """Return the languages that have a split."""
        source = self.dataset.splits[split["name"]]
        return [code for code in self.dataset.used if source.of(code).format != NONE]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the job: only those that change its text."""
        named = [self.downloads.path(split["source"]) for split in self.splits]
        return {
            "folders": sorted({str(folder) for folder in named}),
            "pivot": self.dataset.pivot,
            "splits": [
                {
                    "name": split["name"],
                    "kinds": split["kinds"],
                    "sentences": split["sentences"],
                    "languages": self._languages(split),
                }
                for split in self.splits
            ],
        }
