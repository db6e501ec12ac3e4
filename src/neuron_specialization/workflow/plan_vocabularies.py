"""The plan for vocabularies, learned or given (`rules/data.smk`)."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.corpus_files import pair_name
from neuron_specialization.corpora.existing_vocabulary import given_size
from neuron_specialization.corpora.huggingface_vocabulary import (
    language_codes,
    tokenizer_files,
)
from neuron_specialization.corpora.vocabulary import dictionary_size, read_tags
from neuron_specialization.settings.model_folders import read_model_config
from neuron_specialization.settings.systems import System
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import VOCABULARY
from neuron_specialization.workflow.plan_downloads import DownloadsPlan


@dataclass(frozen=True)
class VocabulariesPlan:
    """The vocabularies of a dataset: a joint one, and one per pair."""

    dataset: Dataset
    downloads: DownloadsPlan

    @property
    def languages(self) -> list[str]:
        """The languages of the joint vocabulary: the pivot and those that are used."""
        used = {self.dataset.pivot, *self.dataset.used}
        return [code for code in self.dataset.languages if code in used]

    def of_system(self, row: System) -> list[str]:
        """Return the vocabularies of a system's models: the joint one, or one per pair."""
        if row.method == "imported":
            return []
        if row.vocabulary == "joint":
            return ["joint"]
        languages = {lang for pair in row.directions for lang in pair.split("-")}
        others = (code for code in self.dataset.used if code in languages)
        return [pair_name(self.dataset.pivot, code) for code in others]

    @cached_property
    def used(self) -> list[str]:
        """The vocabularies of all systems."""
        rows = self.dataset.systems.values()
        return sorted({name for row in rows for name in self.of_system(row)})

    @property
    def possible(self) -> list[str]:
        """All possible vocabularies of systems: the joint one, and one per pair."""
        return ["joint", *self.dataset.pairs]

    @property
    def learned(self) -> list[str]:
        """Vocabularies that can be learned."""
        return [*([] if self.given else ["joint"]), *self.dataset.pairs]

    def settings(self, wildcards: Wildcards) -> Any:
        """Return the settings for learning a vocabulary."""
        is_joint = wildcards.vocabulary == "joint"
        return self.dataset.config["vocabulary" if is_joint else "pair_vocabulary"]

    @property
    def normalisation(self) -> list[str]:
        """SentencePiece's rules of normalisation: of the joint vocabulary, then of pairs."""
        rows = self.dataset.systems.values()
        used = {row.vocabulary for row in rows if row.method != "imported"}
        rules = [] if "joint" not in used else ["the given model's rule"]
        if rules and not self.given:
            rules = [self.dataset.config["vocabulary"]["normalisation"]]
        if "pair" in used:
            rules.append(self.dataset.config["pair_vocabulary"]["normalisation"])
        return list(dict.fromkeys(rules))

    @property
    def model_folder(self) -> Path | None:
        """The folder of a pretrained model whose vocabulary is the joint one, if any."""
        return next(iter(self.dataset.model_folders.values()), None)

    @cached_property
    def codes(self) -> dict[str, str]:
        """The codes that the model of a folder has for the languages; empty without a folder."""
        if not self.model_folder:
            return {}
        row = self.dataset.systems[next(iter(self.dataset.model_folders))]
        return language_codes([self.dataset.languages[code] for code in self.languages], row.codes)

    @cached_property
    def given(self) -> dict[str, str]:
        """The files of a given joint vocabulary: model, dictionary or both; or a model's folder."""
        if folder := self.model_folder:
            return {"folder": str(folder)}
        vocabulary = self.dataset.config["vocabulary"]
        source = vocabulary.get("source")
        folder = self.downloads.path(source) if source else self.dataset.project
        names = ("model", "dictionary")
        return {name: str(folder / vocabulary[name]) for name in names if name in vocabulary}

    @cached_property
    def given_files(self) -> list[str]:
        """The local files of a given vocabulary; a fetched vocabulary has none."""
        if folder := self.model_folder:
            return [str(path) for path in tokenizer_files(folder)]
        is_fetched = self.dataset.config["vocabulary"].get("source")
        return [] if is_fetched else list(self.given.values())

    @property
    def fetched(self) -> list[str]:
        """The marker file of a fetched vocabulary, if one is used."""
        return self.downloads.fetched(self.dataset.config["vocabulary"].get("source", ""))

    def dictionary_sizes(self, row: System) -> list[int]:
        """Return the sizes of both dictionaries of a system, known before they are learned."""
        config = self.dataset.config
        if row.vocabulary == "pair":
            return 2 * [dictionary_size(config["pair_vocabulary"]["size"], tags=0)]
        if folder := self.model_folder:
            return 2 * [int(read_model_config(folder)["vocab_size"])]
        tags = [] if row.method == "bilingual" else self.languages
        if self.given_files:
            return 2 * [given_size(**self.given, tags=tags)]
        return 2 * [dictionary_size(config["vocabulary"]["size"], len(tags))]

    def folders(self, wildcards: Wildcards) -> list[str]:
        """Return the folders of the vocabularies of a system."""
        names = self.of_system(self.dataset.row(wildcards))
        return [VOCABULARY.format(vocabulary=name) for name in names]

    def changed_languages(self, dictionary: Path) -> str:
        """Return how the languages of the joint vocabulary have changed; empty if they have not."""
        known = read_tags(dictionary) if dictionary.is_file() else self.languages
        lacks = [code for code in self.languages if code not in known]
        unused = [code for code in known if code not in self.languages and not self.given]
        differences = [
            f"{verb} {', '.join(codes)}"
            for verb, codes in (("has no", lacks), ("still has", unused))
            if codes
        ]
        if not differences:
            return ""
        return (
            f"{dictionary}: the joint vocabulary {' and '.join(differences)}, so it is learned "
            "again and all models that use it are trained again; for results beside the present "
            "ones, give the config another `dataset` name"
        )
