"""The plan for `rules/data.smk`: corpora, vocabularies and binarised data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.corpus_files import FORMATS, find_corpus, pair_name
from neuron_specialization.corpora.existing_vocabulary import given_size
from neuron_specialization.corpora.vocabulary import dictionary_size
from neuron_specialization.settings.systems import System
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import BINARISED, CORPUS, CORPUS_REPORT, VOCABULARY
from neuron_specialization.workflow.plan_downloads import DownloadsPlan


@dataclass(frozen=True)
class CorporaPlan:
    """The corpora of a dataset, as text and as tokens."""

    dataset: Dataset
    downloads: DownloadsPlan

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

    @property
    def needed_splits(self) -> list[str]:
        """The splits that models read."""
        config = self.dataset.config
        return sorted({"train", "valid", config["recording"]["split"], *config["test_splits"]})

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Base folder of the paths of splits by source; "" is the source of local corpora."""
        local = self.dataset.project / self.settings["folder"]
        return {"": local, **{name: self.downloads.path(name) for name in self.dataset.sources}}

    @cached_property
    def codes(self) -> dict[str, Mapping[str, str]]:
        """Names of each language in other corpora."""
        return {code: language.codes for code, language in self.dataset.languages.items()}

    @cached_property
    def local_files(self) -> list[str]:
        """The existing local files of all splits; `prepare_corpora` reports missing ones."""
        found: set[Path] = set()
        for split in self.dataset.splits.values():
            for code in self.dataset.others:
                source = split.of(code)
                if source.format in FORMATS and source.folder == self.folders[""]:
                    corpus = find_corpus(split, self.dataset.pivot, code, self.codes)
                    found.update(path for paths in corpus.files.values() for path in paths)
        return sorted(str(path) for path in found if path.is_file())

    def text(self, splits: Iterable[str], vocabulary: str = "joint") -> list[str]:
        """Return both sides of every pair, or of the one pair that a vocabulary is for."""
        pairs = self.dataset.pairs if vocabulary == "joint" else [vocabulary]
        return [
            CORPUS.format(split=split, pair=pair, lang=lang)
            for split in splits
            for pair in pairs
            for lang in pair.split("-")
        ]

    @property
    def raw_text(self) -> list[str]:
        """The text of test splits before they are tokenised here."""
        return self.text([f"raw.{split}" for split in self.raw_splits])

    @property
    def preparation(self) -> dict[str, Any]:
        """Parameters of corpus preparation, without the stated origins of users' corpora."""
        dataset, splits = self.dataset, self.settings["splits"]
        limits = {code: dataset.languages[code].max_pairs for code in dataset.others}
        return {
            "sources": [{k: v for k, v in split.items() if k != "origin"} for split in splits],
            "folders": {name: str(self.folders[name]) for name in self.downloads.of_splits},
            "codes": self.codes,
            "pivot": dataset.pivot,
            "max_pairs": limits,
            "cleaning": self.settings["cleaning"],
            "seed": dataset.config["seed"],
            "raw": self.raw_splits,
        }

    @cached_property
    def raw_splits(self) -> list[str]:
        """Test splits that are tokenised here, whose raw text is kept for a second column."""
        splits = self.dataset.splits
        names = self.dataset.config["test_splits"]
        return [name for name in names if name in splits and splits[name].tokenise]

    def vocabularies_of(self, row: System) -> list[str]:
        """Return the vocabularies of a system's models: the joint one, or one per pair."""
        if row.method == "imported":
            return []
        if row.vocabulary == "joint":
            return ["joint"]
        languages = {lang for pair in row.directions for lang in pair.split("-")}
        others = (code for code in self.dataset.others if code in languages)
        return [pair_name(self.dataset.pivot, code) for code in others]

    @property
    def vocabularies(self) -> list[str]:
        """All possible vocabularies of systems: the joint one, and one per pair."""
        return ["joint", *self.dataset.pairs]

    @property
    def learned_vocabularies(self) -> list[str]:
        """Vocabularies that can be learned."""
        return [*([] if self.given_vocabulary else ["joint"]), *self.dataset.pairs]

    def vocabulary_settings(self, wildcards: Wildcards) -> Any:
        """Return the settings for learning a vocabulary."""
        is_joint = wildcards.vocabulary == "joint"
        return self.dataset.config["vocabulary" if is_joint else "pair_vocabulary"]

    @property
    def normalisation(self) -> list[str]:
        """SentencePiece's rules of normalisation: of the joint vocabulary, then of pairs."""
        rows = self.dataset.systems.values()
        used = {row.vocabulary for row in rows if row.method != "imported"}
        rules = [] if "joint" not in used else ["the given model's rule"]
        if rules and not self.given_vocabulary:
            rules = [self.dataset.config["vocabulary"]["normalisation"]]
        if "pair" in used:
            rules.append(self.dataset.config["pair_vocabulary"]["normalisation"])
        return list(dict.fromkeys(rules))

    @cached_property
    def given_vocabulary(self) -> dict[str, str]:
        """The files of a given joint vocabulary: model, dictionary or both."""
        vocabulary = self.dataset.config["vocabulary"]
        source = vocabulary.get("source")
        folder = self.downloads.path(source) if source else self.dataset.project
        names = ("model", "dictionary")
        return {name: str(folder / vocabulary[name]) for name in names if name in vocabulary}

    @cached_property
    def given_files(self) -> list[str]:
        """The local files of a given vocabulary; a fetched vocabulary has none."""
        is_fetched = self.dataset.config["vocabulary"].get("source")
        return [] if is_fetched else list(self.given_vocabulary.values())

    @property
    def fetched_vocabulary(self) -> list[str]:
        """The marker file of a fetched vocabulary, if one is used."""
        return self.downloads.fetched(self.dataset.config["vocabulary"].get("source", ""))

    def dictionary_sizes(self, row: System) -> list[int]:
        """Return the sizes of both dictionaries of a system, known before they are learned."""
        config = self.dataset.config
        if row.vocabulary == "pair":
            return 2 * [dictionary_size(config["pair_vocabulary"]["size"], tags=0)]
        tags = [] if row.method == "bilingual" else list(self.dataset.languages)
        if self.given_files:
            return 2 * [given_size(**self.given_vocabulary, tags=tags)]
        return 2 * [dictionary_size(config["vocabulary"]["size"], len(tags))]

    def binarised(self, wildcards: Wildcards) -> list[str]:
        """Return the binarised corpora of a system."""
        names = self.vocabularies_of(self.dataset.row(wildcards))
        return [BINARISED.format(vocabulary=name) for name in names]

    def vocabulary_folders(self, wildcards: Wildcards) -> list[str]:
        """Return the folders of the vocabularies of a system."""
        names = self.vocabularies_of(self.dataset.row(wildcards))
        return [VOCABULARY.format(vocabulary=name) for name in names]

    @cached_property
    def all_binarised(self) -> list[str]:
        """The binarised corpora of all systems."""
        rows = self.dataset.systems.values()
        names = sorted({name for row in rows for name in self.vocabularies_of(row)})
        return [BINARISED.format(vocabulary=name) for name in names]
