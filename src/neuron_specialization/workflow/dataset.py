"""A dataset as configured: languages, sets of systems, and their runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from neuron_specialization.corpora.corpus_files import NONE, SplitSource, pair_name
from neuron_specialization.corpora.sources import Source
from neuron_specialization.settings.architectures import (
    adapter_settings,
    shard,
    system_architecture,
)
from neuron_specialization.settings.bleu import BleuTokenisers
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.systems import System, parent_seed
from neuron_specialization.workflow.model_folders import find_model_folders
from neuron_specialization.workflow.package_source import module_files

NO_MATCH = "(?!)"  # a pattern that matches nothing

Wildcards = Any
"""Snakemake's wildcards: text attributes, named as in the paths of the rule."""


class Run(NamedTuple):
    """A system trained with one seed, here or elsewhere."""

    system: str
    seed: int


def run_of(wildcards: Wildcards) -> Run:
    """Return the run that a job belongs to."""
    return Run(wildcards.system, int(wildcards.seed))


def pattern(names: Iterable[str]) -> str:
    """Return a regular expression that matches the given names, or nothing if none are given."""
    return "|".join(map(re.escape, names)) or NO_MATCH


def files(path: str, runs: Iterable[Run], **more: str) -> list[str]:
    """Return a path for each run, with `{system}`, `{seed}` and `more` filled in."""
    return [path.format(**run._asdict(), **more) for run in runs]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The configuration of a dataset with its tables."""

    config: Mapping[str, Any]
    """The configuration, with defaults."""
    project: Path
    """Folder of the project as jobs name it: relative if it is the working directory."""
    root: Path
    """The same, absolute."""
    languages: Mapping[str, Language]
    """By code, including the pivot."""
    systems: Mapping[str, System]
    """By name, including the sweep of k."""
    sweep: Mapping[str, Mapping[float, System]]
    """The systems of the sweep of k: by the name of a swept system, its systems by k."""
    sources: Mapping[str, Sequence[Source]]
    """The files of each corpus that can be fetched."""
    splits: Mapping[str, SplitSource]
    """By name, the source of the sentences of each split."""
    shards: Mapping[str, Sequence[str]]
    """By kind (`fine_tunes`, `bilingual_models`), the jobs that share small runs."""

    @property
    def pivot(self) -> str:
        """The language on one side of every corpus, and of every direction that is trained."""
        return str(self.config["pivot"])

    @cached_property
    def others(self) -> list[str]:
        """The languages except the pivot."""
        return [code for code in self.languages if code != self.pivot]

    @cached_property
    def used(self) -> list[str]:
        """The languages except the pivot that a system translates here, in the table's order."""
        directions = [pair for name in self.local for pair in self.systems[name].scored]
        named = {code for pair in directions for code in pair.split("-")}
        return [code for code in self.others if code in named]

    @cached_property
    def pairs(self) -> list[str]:
        """The pairs of the pivot and each other language that is used."""
        return [pair_name(self.pivot, code) for code in self.used]

    def pair_of(self, direction: str) -> str:
        """Return the pair of a direction: the pivot first, or else in the order of the table."""
        return "-".join(sorted(direction.split("-"), key=[self.pivot, *self.others].index))

    @cached_property
    def tokenisers(self) -> BleuTokenisers:
        """The tokenisers of BLEU."""
        return BleuTokenisers(**self.config["bleu"])

    @property
    def labels(self) -> dict[str, str]:
        """The label of each system."""
        return {name: row.label for name, row in self.systems.items()}

    @cached_property
    def imported(self) -> list[str]:
        """Systems whose outputs were made elsewhere."""
        return [name for name, row in self.systems.items() if row.method == "imported"]

    @cached_property
    def local(self) -> list[str]:
        """Systems that translate here."""
        return [name for name in self.systems if name not in self.imported]

    @cached_property
    def from_checkpoint(self) -> list[str]:
        """Systems whose checkpoint was trained elsewhere."""
        return [name for name in self.local if self.systems[name].checkpoint]

    @cached_property
    def model_folders(self) -> dict[str, Path]:
        """Systems whose checkpoint is a folder as Hugging Face delivers it, with the folder."""
        return find_model_folders(self.systems.values(), self.project)

    @cached_property
    def trained(self) -> list[str]:
        """Systems that are trained here; other local systems are a checkpoint, or only masks."""
        rows = ((name, self.systems[name]) for name in self.local)
        return [name for name, row in rows if row.fine_tune and not row.checkpoint]

    @cached_property
    def described(self) -> list[str]:
        """Local systems that have a row; systems that only the sweep adds have none."""
        swept = {row.system for of_k in self.sweep.values() for row in of_k.values()}
        swept = {name for name in swept if not self.systems[name].tables}
        return [name for name in self.local if name not in swept]

    @cached_property
    def highlighted(self) -> list[str]:
        """Labels of neuron specialization in both stacks, which figures highlight."""
        rows = (self.systems[name] for name in self.described)
        return [row.label for row in rows if row.is_full_specialization]

    @cached_property
    def countings(self) -> list[str]:
        """The ways of counting activations whose neurons are shown; summaries show the first."""
        given = self.config["analysis"]["counting"]
        return [given] if isinstance(given, str) else list(given)

    @cached_property
    def analysed(self) -> list[str]:
        """The system whose neurons are analysed, if any."""
        rows = self.systems.values()
        parents = (row.parent for row in rows if row.method == "neuron_specialization")
        return [name for name in (self.config["analysis"]["system"], *parents) if name][:1]

    @cached_property
    def recorded(self) -> list[str]:
        """The systems whose activations are counted."""
        rows = self.systems.values()
        parents = [row.parent for row in rows if row.method == "neuron_specialization"]
        return list(dict.fromkeys([*parents, *self.analysed]))

    def runs(self, systems: Iterable[str] | None = None) -> list[Run]:
        """Return the runs of the given systems, or of all systems."""
        names = self.systems if systems is None else systems
        return [Run(name, seed) for name in names for seed in self.systems[name].seeds]

    def parent_run(self, run: Run) -> Run:
        """Return the run that a continuation starts from."""
        parent = self.systems[self.systems[run.system].parent]
        return Run(parent.system, parent_seed(parent, run.seed))

    def has_split(self, split: str, direction: str) -> bool:
        """Return whether a direction has a split; it lacks one by `format: none`."""
        codes = [code for code in direction.split("-") if code != self.pivot]
        source = self.splits.get(split)
        return source is None or all(source.of(code).format != NONE for code in codes)

    def row(self, wildcards: Wildcards) -> System:
        """Return the row of a job's system."""
        return self.systems[wildcards.system]

    def directions(self, wildcards: Wildcards) -> list[str]:
        """Return the directions of a system, or of one of its shards."""
        directions = self.row(wildcards).directions
        item = wildcards.get("scatteritem")
        return shard(directions, item) if item else list(directions)

    def scored_directions(self, wildcards: Wildcards) -> list[str]:
        """Return the directions that a system is scored on: its own, and zero-shot ones."""
        return list(self.row(wildcards).scored)

    def architecture(self, row: System, *, fine_tuning: bool = False) -> dict[str, Any]:
        """Return the model sizes and training settings of a system, or of its fine-tunes (LaSS)."""
        architectures = self.config["architectures"]
        return system_architecture(row, self.systems, architectures, fine_tuning=fine_tuning)

    def adapters(self, row: System) -> dict[str, Any] | None:
        """Return the sets and sizes of a system's adapters, if it has any."""
        return adapter_settings(row, self.languages, self.pivot)

    def path(self, name: str | Path) -> str:
        """Return the path of a file of the project, as jobs name it."""
        return str(self.project / name)

    def code(self, *modules: str) -> list[str]:
        """Return the source files of some modules; editing one of them reruns a rule."""
        return [self.path(path.relative_to(self.root)) for path in module_files(*modules)]

    def gpu_job(self, gpus: int = 1) -> dict[str, int]:
        """Return the resources of a job on GPUs; a machine runs one such job at a time."""
        return {"gpu": gpus, "gpu_jobs": 1} if self.config["device"] == "cuda" else {}
