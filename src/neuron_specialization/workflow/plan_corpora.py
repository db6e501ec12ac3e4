"""The plan for `rules/data.smk`: corpora as text and as tokens."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.corpus_files import (
    FORMATS,
    PACKAGES,
    TRAIN,
    columns_in,
    find_corpus,
)
from neuron_specialization.corpora.text_lines import on_disk
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import (
    BINARISED,
    CHECKS,
    CORPUS,
    CORPUS_REPORT,
    REPORT_OF_PART,
)
from neuron_specialization.workflow.plan_downloads import DownloadsPlan
from neuron_specialization.workflow.plan_joined import JoinedPlan
from neuron_specialization.workflow.plan_packages import PackagesPlan
from neuron_specialization.workflow.plan_vocabularies import VocabulariesPlan

FROM_TRAIN = ("held_out", "every_nth", PACKAGES)
"""Formats of splits that are drawn from the training corpus, or decide what is in it."""


@dataclass(frozen=True)
class CorporaPlan:
    """The corpora of a dataset, as text and as tokens.

    They are prepared and binarised in parts, so that nothing of a test split is an input of
    training. The part `train` has all that models are made from: training and validation text,
    and splits drawn from the training corpus. Each other test split is a separate part.
    """

    dataset: Dataset
    downloads: DownloadsPlan
    packages: PackagesPlan
    vocabularies: VocabulariesPlan
    joined: JoinedPlan

    @property
    def settings(self) -> Mapping[str, Any]:
        """The section `corpora` of the configuration."""
        section: Mapping[str, Any] = self.dataset.config["corpora"]
        return section

    @property
    def report(self) -> list[str]:
        """The counts of the prepared corpora, if systems translate here."""
        return [CORPUS_REPORT] if self.dataset.local else []

    @property
    def prebinarised(self) -> Mapping[str, str]:
        """Location of corpora that were binarised elsewhere; empty if none."""
        found: Mapping[str, str] = self.settings.get("binarised", {})
        return found

    @property
    def prebinarised_folder(self) -> str:
        """Folder of these corpora, or "" if none."""
        found = self.prebinarised
        return str(self.folders[found["source"]] / found["path"]) if found else ""

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """The splits of each part that is prepared here."""
        return self._in_parts(self.dataset.splits)

    @cached_property
    def binarised_parts(self) -> dict[str, list[str]]:
        """The splits of each part that models read."""
        return self._in_parts(self.needed_splits) if self.prebinarised else self.parts

    def _in_parts(self, splits: Iterable[str]) -> dict[str, list[str]]:
        parts: dict[str, list[str]] = {}
        for split in splits:
            parts.setdefault(self.part_of(split), []).append(split)
        return parts

    @property
    def tests(self) -> list[str]:
        """The parts that are a test split."""
        return [part for part in self.parts if part != TRAIN]

    @property
    def reports(self) -> list[str]:
        """The report of each part."""
        return [REPORT_OF_PART.format(part=part) for part in self.parts] + self.joined.reports

    def part_of(self, split: str) -> str:
        """Return the part of a split."""
        source = self.dataset.splits.get(split)
        formats = {source.of(code).format for code in self.dataset.used} if source else set()
        is_drawn = not formats.isdisjoint(FROM_TRAIN)
        of_training = (TRAIN, "valid", self.dataset.config["recording"]["split"])
        return TRAIN if is_drawn or split in of_training else split

    def splits_of(self, wildcards: Wildcards) -> list[str]:
        """Return the splits of a job's part, or of `train`."""
        return self.parts[self._part_of(wildcards)]

    def _part_of(self, wildcards: Wildcards) -> str:
        return str(wildcards.get("part", TRAIN))

    def binarised_splits(self, wildcards: Wildcards) -> list[str]:
        """Return the splits of a part that was binarised elsewhere."""
        return self.binarised_parts[wildcards.part]

    @property
    def needed_splits(self) -> list[str]:
        """The splits that models read."""
        config = self.dataset.config
        training = (TRAIN, "valid") if self.dataset.trained else ()
        return sorted({*training, config["recording"]["split"], *config["test_splits"]})

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Base folder of the paths of splits by source; "" is the source of local corpora."""
        local = self.dataset.project / self.settings["folder"]
        return {"": local, **{name: self.downloads.path(name) for name in self.dataset.sources}}

    @cached_property
    def codes(self) -> dict[str, Mapping[str, str]]:
        """Names of each language in other corpora."""
        return {code: language.codes for code, language in self.dataset.languages.items()}

    def local_files(self, wildcards: Wildcards) -> list[str]:
        """Return the local files of a part."""
        return self.local_files_of(self.splits_of(wildcards))

    def local_files_of(self, splits: Iterable[str]) -> list[str]:
        """Return the local files of some splits, which need not exist."""
        found: set[Path] = set()
        for name in splits:
            for code in self.dataset.used:
                source = (split := self.dataset.splits[name]).of(code)
                if source.format in FORMATS and source.folder == self.folders[""]:
                    corpus = find_corpus(split, self.dataset.pivot, code, self.codes)
                    found.update(path for paths in corpus.files.values() for path in paths)
        return sorted({str(disk) for disk, _ in map(on_disk, found)})

    def text(self, splits: Iterable[str], vocabulary: str = "joint") -> list[str]:
        """Return both sides of every pair, or of the one pair that a vocabulary is for."""
        pairs = self.dataset.pairs if vocabulary == "joint" else [vocabulary]
        return [
            CORPUS.format(split=split, pair=pair, lang=lang)
            for split in splits
            for pair in pairs
            for lang in pair.split("-")
        ]

    def text_of_part(self, wildcards: Wildcards) -> list[str]:
        """Return both sides of the pairs of a vocabulary in a part."""
        if split := self.joined.parts.get(wildcards.part):
            return self.text([split]) + self.joined.text([split])
        return self.text(self.splits_of(wildcards), wildcards.vocabulary)

    @property
    def training_text(self) -> list[str]:
        """The text of the part `train`."""
        return self.text(self.parts.get(TRAIN, []))

    @property
    def checked_text(self) -> list[str]:
        """The text of all splits, if it is prepared here."""
        return self.text(self.dataset.splits)

    @property
    def checks(self) -> list[str]:
        """What is found in the text of all splits, if training text is prepared here."""
        return [CHECKS] if TRAIN in self.dataset.splits else []

    @property
    def raw_training_text(self) -> list[str]:
        """The raw text of test splits that are drawn from the training corpus."""
        names = self.parts.get(TRAIN, [])
        return self.text([f"raw.{name}" for name in names if name in self.raw_splits])

    def shards(self, wildcards: Wildcards) -> int:
        """Return the number of shards of a part: only training has several."""
        return int(self.settings["shards"]) if wildcards.part == TRAIN else 1

    def fetched(self, wildcards: Wildcards) -> list[str]:
        """Return the marker files of the corpora that a part is read from."""
        return self.downloads.fetched(*self._sources_of(self.splits_of(wildcards)))

    def package_text(self, wildcards: Wildcards) -> list[str]:
        """Return the text of Debian packages, all of it, if a part has such a split."""
        return self.packages.text if self._part_of(wildcards) == TRAIN else []

    def preparation(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of a part's preparation: only those that change its text.

        The stated origins of users' corpora, unused languages and columns are no part of them.
        """
        dataset, names = self.dataset, self.splits_of(wildcards)
        is_training = TRAIN in names
        splits = [split for split in self.settings["splits"] if split["name"] in names]
        rows = {code: dataset.languages[code] for code in self.vocabularies.languages}
        columns = columns_in([path for name in names for path in dataset.splits[name].all_paths])
        return {
            "sources": [{k: v for k, v in split.items() if k != "origin"} for split in splits],
            "folders": {name: str(self.folders[name]) for name in self._sources_of(names)},
            "codes": {
                code: {name: row.codes[name] for name in sorted(columns & row.codes.keys())}
                for code, row in rows.items()
            },
            "pivot": dataset.pivot,
            "max_pairs": {
                code: rows[code].max_pairs if is_training else None for code in dataset.used
            },
            "cleaning": self.settings["cleaning"],
            "seed": dataset.config["seed"],
            "raw": [name for name in names if name in self.raw_splits or not is_training],
        }

    def _sources_of(self, names: Iterable[str]) -> list[str]:
        """Return the corpora that some splits are read from; "" for local ones."""
        splits = (
            split
            for split in self.settings["splits"]
            if split["name"] in names and split["format"] != PACKAGES
        )
        parts = (part for split in splits for part in (split, *split["exceptions"].values()))
        return sorted({part.get("source", "") for part in parts})

    @cached_property
    def raw_splits(self) -> list[str]:
        """Test splits that are tokenised here, whose raw text is kept for a second column."""
        splits = self.dataset.splits
        names = self.dataset.config["test_splits"]
        return [name for name in names if name in splits and splits[name].tokenise]

    def warnings(self, results: Path) -> Iterator[str]:
        """Yield warnings about what has changed or is missing since the last run.

        `results` is the folder of the dataset's results.
        """
        if not (results / "corpora/report.tsv").is_file():
            yield from self._missing_files()
        if problem := self.vocabularies.changed_languages(results / "vocabularies/joint/dict.txt"):
            yield problem

    def _missing_files(self) -> Iterator[str]:
        """Yield where to get the local files of each split that lacks any."""
        for name in dict.fromkeys(chain.from_iterable(self.parts.values())):
            missing = [path for path in self.local_files_of([name]) if not Path(path).is_file()]
            origin = self.dataset.splits[name].origin
            if missing and origin:
                yield f"{missing[0]}: no such file; split {name} comes from: {origin}"

    def binarised(self, wildcards: Wildcards) -> list[str]:
        """Return the binarised corpora of a system: of a job's test split, or of training."""
        split = wildcards.get("split", TRAIN)
        return self._binarised(wildcards, split, self.dataset.scored_directions(wildcards))

    def recorded(self, wildcards: Wildcards) -> list[str]:
        """Return the binarised corpora that a system's activations are recorded on."""
        split = self.dataset.config["recording"]["split"]
        return self._binarised(wildcards, split, self.dataset.directions(wildcards))

    def _binarised(self, wildcards: Wildcards, split: str, directions: Sequence[str]) -> list[str]:
        if self.joined.needs(directions, split):
            return [BINARISED.format(vocabulary="joint", part=self.joined.part_of(split))]
        return self.binarised_split(wildcards, split)

    def binarised_split(self, wildcards: Wildcards, split: str) -> list[str]:
        """Return the binarised corpora of a system that have a split."""
        names = self.vocabularies.of_system(self.dataset.row(wildcards))
        part = self.part_of(split)
        return [BINARISED.format(vocabulary=name, part=part) for name in names]

    @property
    def binarised_training(self) -> list[str]:
        """The binarised training text, whose long pairs the report counts."""
        if self.prebinarised:
            return []
        names = ["joint"] if "joint" in self.vocabularies.used else self.vocabularies.used
        return [BINARISED.format(vocabulary=name, part=TRAIN) for name in names]

    @cached_property
    def all_binarised(self) -> list[str]:
        """The binarised corpora of all systems."""
        return [
            BINARISED.format(vocabulary=name, part=part)
            for name in self.vocabularies.used
            for part in self.binarised_parts
        ] + [BINARISED.format(vocabulary="joint", part=part) for part in self.joined.parts]
