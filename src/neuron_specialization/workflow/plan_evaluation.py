"""The plan for `rules/evaluate.smk`: translations, outputs, scores and paired tests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.split_checks import QUOTES
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.layout import input_files
from neuron_specialization.settings.bleu import DEFAULT
from neuron_specialization.settings.configuration import Key
from neuron_specialization.settings.pivot import has_pivot
from neuron_specialization.settings.related_systems import find_comparisons
from neuron_specialization.workflow.dataset import Dataset, Run, Wildcards, files, run_of
from neuron_specialization.workflow.paths import (
    COMET,
    CORPUS,
    NLL,
    OFF_TARGET,
    SCORES,
    SENTENCES,
    TRANSLATIONS,
)
from neuron_specialization.workflow.plan_corpora import CorporaPlan


@dataclass(frozen=True)
class EvaluationPlan:
    """The scores of a dataset's systems."""

    dataset: Dataset
    corpora: CorporaPlan

    def over_splits(self, path: str, systems: Iterable[str] | None = None) -> list[str]:
        """Return a path for each test split and run of the given systems, or of all."""
        splits, runs = self.dataset.config["test_splits"], self.dataset.runs(systems)
        return [file for split in splits for file in files(path, runs, split=split)]

    def directions(self, wildcards: Wildcards) -> list[str]:
        """Return the directions of a system that have a job's test split."""
        pairs = self.dataset.scored_directions(wildcards)
        if self.dataset.row(wildcards).method == "imported":
            return pairs
        return [pair for pair in pairs if self.dataset.has_split(wildcards.split, pair)]

    @property
    def translations(self) -> list[str]:
        """The translations of all systems that translate here."""
        return self.over_splits(TRANSLATIONS, self.dataset.local)

    @property
    def scores(self) -> list[str]:
        """The scores of all systems."""
        return self.over_splits(SCORES)

    @property
    def raw_metrics(self) -> list[str]:
        """The metrics against raw references."""
        metrics = self.dataset.config["metrics"]
        return [f"{name}_raw" for name in metrics if name in ("bleu", "chrf")]

    def metrics_of(self, systems: Iterable[str]) -> list[str]:
        """Return the metrics that systems can have; imported ones have no model to give an nll."""
        is_local = not {*systems}.isdisjoint(self.dataset.local)
        return [name for name in self.dataset.config["metrics"] if is_local or name != "nll"]

    def metrics(self, split: str, systems: Iterable[str] | None = None) -> list[str]:
        """Return the metrics of systems, or of all, including any against raw references."""
        given = self.dataset.config["raw_references"].get(split)
        languages = self.dataset.languages
        there = given and any(self._raw_file(given, code).is_file() for code in languages)
        has_raw = there or split in self.corpora.raw_splits
        names = self.dataset.systems if systems is None else systems
        return [*self.metrics_of(names), *(self.raw_metrics if has_raw else [])]

    def job_metrics(self, wildcards: Wildcards) -> list[str]:
        """Return the metrics of a job's test split."""
        return self.metrics(wildcards.split)

    def raw_references(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the existing raw references of a system, by direction."""
        split, found = wildcards.split, {}
        prepared = self.corpora.joined.pairs.get(split, [])
        given = self.dataset.config["raw_references"].get(split, "")
        for direction in self.directions(wildcards):
            target = direction.split("-")[1]
            pair = self.dataset.pair_of(direction)
            path = self._raw_file(given, target)
            is_prepared = has_pivot(pair, self.dataset.pivot) or pair in prepared
            if split in self.corpora.raw_splits and is_prepared:
                found[direction] = CORPUS.format(split=f"raw.{split}", pair=pair, lang=target)
            elif path.is_file():
                found[direction] = str(path)
        return found

    def raw_directions(self, wildcards: Wildcards) -> list[str]:
        """Return the directions that have raw references."""
        return list(self.raw_references(wildcards))

    @property
    def postprocessing(self) -> dict[str, Any]:
        """Parameters of the job that converts outputs to a common form."""
        return {
            "directions": self.directions,
            "folder": self.imported_folder,
            "raw": self.raw_directions,
            "moses": self.dataset.config["corpora"]["moses"],
        }

    def tokeniser_problems(self) -> Iterator[tuple[Key, str]]:
        """Yield settings of BLEU's tokenisers that name no language or cannot be used."""
        for code in self.dataset.tokenisers.exceptions:
            if code not in self.dataset.languages:
                advice = QUOTES if isinstance(code, bool) else ""
                yield (
                    ("bleu", "exceptions"),
                    f"bleu.exceptions has {code!r}, allowed are "
                    f"{', '.join(self.dataset.languages)}{advice}",
                )
        names = {self.dataset.tokenisers.of(pair) for pair in self._bleu_directions}
        if names <= {DEFAULT}:
            return
        # only here: sacreBLEU takes a while to import
        from neuron_specialization.evaluation.metrics import check_tokenisers

        try:
            check_tokenisers(names)
        except InputError as error:
            yield ("bleu",), str(error)

    def warnings(self) -> Iterator[str]:
        """Yield a warning if BLEU finds no words in some target languages."""
        yield from self.dataset.tokenisers.warnings(self._bleu_directions)

    @property
    def _bleu_directions(self) -> set[str]:
        """The directions that are scored by BLEU, in tests or to choose a checkpoint."""
        in_tests = {"bleu", "tokenised_bleu"} & {*self.dataset.config["metrics"]}
        return {
            pair
            for name, row in self.dataset.systems.items()
            if in_tests
            or (
                name in self.dataset.trained
                and self.dataset.architecture(row)["checkpoint_metric"] == "bleu"
            )
            for pair in row.scored
        }

    def outputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the inputs of a system's outputs, translated here or elsewhere."""
        run, split, folder = run_of(wildcards), wildcards.split, self.imported_folder(wildcards)
        pairs = self.dataset.directions(wildcards) if folder else []
        is_joined = self.corpora.joined.needs(self.directions(wildcards), split)
        joined = self.corpora.joined.text([split]) if is_joined else []
        return {
            "translations": [] if folder else files(TRANSLATIONS, [run], split=split),
            "corpora": [] if folder else self.corpora.text([split]) + joined,
            "imported": [str(f) for pair in pairs for f in input_files(Path(folder) / pair, split)],
            "raw": list(self.raw_references(wildcards).values()),
        }

    def imported_folder(self, wildcards: Wildcards) -> str:
        """Return the folder of an imported system's outputs, or "" for other systems."""
        row = self.dataset.row(wildcards)
        if row.method != "imported":
            return ""
        return self.dataset.path(Path(self.dataset.config["imported_outputs"]) / row.folder)

    def appended(self, wildcards: Wildcards) -> list[str]:
        """Return a system's scores in metrics computed by models, if they are asked for."""
        metrics = self.metrics_of([wildcards.system])
        paths = {"comet": COMET, "nll": NLL, "off_target": OFF_TARGET}
        return [
            file
            for name in paths
            if name in metrics
            for path in paths[name]
            for file in files(path, [run_of(wildcards)], split=wildcards.split)
        ]

    def vocabulary(self, wildcards: Wildcards) -> str:
        """Return the kind of a system's vocabulary: `joint` or `pair`."""
        return self.dataset.row(wildcards).vocabulary

    @cached_property
    def cross_masked(self) -> list[Run]:
        """The runs whose directions pass through each other's masks: fine-tuned, or masks alone."""
        if not self.dataset.config["analysis"]["cross_masks"]["sentences"]:
            return []
        systems = self.dataset.systems
        return self.dataset.runs(
            name
            for name in self.dataset.described
            if systems[name].selects_both_stacks
            and any(has_pivot(pair, self.dataset.pivot) for pair in systems[name].directions)
        )

    @property
    def cross_masks(self) -> dict[str, Any]:
        """Parameters of the job that passes directions through each other's masks."""
        config = self.dataset.config
        return {
            "directions": self.first_test_directions,
            "split": self.first_test,
            "sentences": config["analysis"]["cross_masks"]["sentences"],
            "device": config["device"],
            "pivot": self.dataset.pivot,
        }

    @property
    def first_test(self) -> str:
        """The first test split."""
        return str(self.dataset.config["test_splits"][0])

    def first_test_directions(self, wildcards: Wildcards) -> list[str]:
        """Return the directions of a system with the pivot that have the first test split."""
        pairs = self.dataset.directions(wildcards)
        sided = [pair for pair in pairs if has_pivot(pair, self.dataset.pivot)]
        return [pair for pair in sided if self.dataset.has_split(self.first_test, pair)]

    def first_test_data(self, wildcards: Wildcards) -> list[str]:
        """Return the binarised corpora of a system that have the first test split."""
        return self.corpora.binarised_split(wildcards, self.first_test)

    def comparisons(self, wildcards: Wildcards) -> list[tuple[str, str, int]]:
        """Return the runs that a run is tested against: role, system and seed."""
        return self.comparisons_of(run_of(wildcards))

    def comparisons_of(self, run: Run) -> list[tuple[str, str, int]]:
        """Return the runs that a run is tested against: role, system and seed."""
        if self.dataset.config["significance"]["test"] == "none":
            return []
        return find_comparisons(self.dataset.systems[run.system], self.dataset.systems, run.seed)

    def compared_sentences(self, wildcards: Wildcards) -> list[str]:
        """Return the sentence scores of the runs that a run is tested against."""
        runs = [Run(system, seed) for _, system, seed in self.comparisons(wildcards)]
        return files(SENTENCES, runs, split=wildcards.split)

    def _raw_file(self, given: str, language: str) -> Path:
        return self.dataset.project / given.replace("{lang}", language)
