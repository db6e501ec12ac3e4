"""The plan for `rules/train.smk` and `rules/neurons.smk`: runs, and files of directions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.settings.bleu import DEFAULT
from neuron_specialization.settings.model_folders import model_files
from neuron_specialization.workflow.dataset import Dataset, Run, Wildcards, files, run_of
from neuron_specialization.workflow.paths import (
    BILINGUAL_MODELS,
    CHECKPOINT,
    COUNTS,
    CURVE,
    MASKS,
    WEIGHT_MASKS,
)
from neuron_specialization.workflow.plan_downloads import DownloadsPlan

SELECTION = ("k", "counting", "sparsity_of", "random_percent", "shuffled", "stacks")
"""Columns of a system that determine which neurons are selected."""


@dataclass(frozen=True)
class ModelsPlan:
    """The models of a dataset."""

    dataset: Dataset
    downloads: DownloadsPlan

    def architecture(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the model sizes and training settings of a system."""
        return self.dataset.architecture(self.dataset.row(wildcards))

    def fine_tuning(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of a system's LaSS fine-tunes."""
        return self.dataset.architecture(self.dataset.row(wildcards), fine_tuning=True)

    def adapters(self, wildcards: Wildcards) -> dict[str, Any] | None:
        """Return the sets and sizes of a system's adapters, if it has any."""
        return self.dataset.adapters(self.dataset.row(wildcards))

    def selection(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings for selecting a system's neurons."""
        row = self.dataset.row(wildcards)
        return {name: getattr(row, name) for name in SELECTION}

    def zero_shot(self, wildcards: Wildcards) -> list[str]:
        """Return the directions of a system whose masks are composed of other directions'."""
        return list(self.dataset.row(wildcards).zero_shot)

    def seed(self, wildcards: Wildcards) -> int:
        """Return the seed of a run."""
        return int(wildcards.seed)

    @property
    def training(self) -> dict[str, Any]:
        """Parameters of every training job, except its model."""
        device = self.dataset.config["device"]
        return {
            "directions": self.dataset.directions,
            "seed": self.seed,
            "device": device,
            "tokenisers": self.validation_tokenisers,
        }

    def validation_tokenisers(self, wildcards: Wildcards) -> dict[str, str]:
        """Return BLEU's tokenisers other than 13a if BLEU chooses the best checkpoint."""
        if self.architecture(wildcards)["checkpoint_metric"] != "bleu":
            return {}
        tokenisers = {
            pair: self.dataset.tokenisers.of(pair) for pair in self.dataset.directions(wildcards)
        }
        return {pair: name for pair, name in tokenisers.items() if name != DEFAULT}

    @property
    def recording(self) -> dict[str, Any]:
        """Parameters of every recording job."""
        settings = {name: self.dataset.config[name] for name in ("recording", "device")}
        return {"directions": self.dataset.directions, **settings}

    def parent(self, wildcards: Wildcards) -> list[str]:
        """Return the checkpoint that a run starts from; adapters have a base instead."""
        is_continued = self.dataset.row(wildcards).method != "adapter"
        return self._of_parent(CHECKPOINT, wildcards) if is_continued else []

    def checkpoint(self, wildcards: Wildcards) -> str:
        """Return the checkpoint that a system is imported from: a local file, or a fetched one."""
        row = self.dataset.row(wildcards)
        if row.source:
            return str(self.downloads.path(row.source) / row.checkpoint)
        return self.dataset.path(row.checkpoint)

    def local_checkpoint(self, wildcards: Wildcards) -> list[str]:
        """Return the local files that a system is imported from: a checkpoint, or a folder's."""
        row = self.dataset.row(wildcards)
        if folder := self.dataset.model_folders.get(row.system):
            return [str(path) for path in model_files(folder)]
        return [] if row.source else [self.checkpoint(wildcards)]

    def fetched_checkpoint(self, wildcards: Wildcards) -> list[str]:
        """Return the marker file of the checkpoint that a system is imported from, if fetched."""
        return self.downloads.fetched(self.dataset.row(wildcards).source)

    def parent_counts(self, wildcards: Wildcards) -> list[str]:
        """Return the activation counts of the parent of a run."""
        return self._of_parent(COUNTS, wildcards)

    def _of_parent(self, path: str, wildcards: Wildcards) -> list[str]:
        has_parent = self.dataset.row(wildcards).parent
        return files(path, [self.dataset.parent_run(run_of(wildcards))] if has_parent else [])

    def direction_files(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the files of a system's directions: base of adapters, masks, weight masks."""
        run, method = run_of(wildcards), self.dataset.row(wildcards).method
        return {
            "base": self._of_parent(CHECKPOINT, wildcards) if method == "adapter" else [],
            "masks": files(MASKS, [run] if method == "neuron_specialization" else []),
            "weight_masks": self.weight_masks(run) if method == "lass" else [],
        }

    def weight_masks(self, run: Run) -> list[str]:
        """Return the weight masks of a run of LaSS, from all shards."""
        items = self.dataset.shards["fine_tunes"]
        return [file for item in items for file in files(WEIGHT_MASKS, [run], shard=item)]

    def of_job(self, wildcards: Wildcards) -> list[str]:
        """Return the checkpoint of a system, or the folders of its bilingual models."""
        return self.of_run(run_of(wildcards))

    def of_run(self, run: Run) -> list[str]:
        """Return the files of a run, or its parent's if it is not fine-tuned."""
        row = self.dataset.systems[run.system]
        if not row.fine_tune:
            return self.of_run(self.dataset.parent_run(run))
        if row.method == "bilingual":
            items = self.dataset.shards["bilingual_models"]
            return [file for item in items for file in files(BILINGUAL_MODELS, [run], shard=item)]
        return files(CHECKPOINT, [run])

    @cached_property
    def all(self) -> list[str]:
        """The models of all systems."""
        runs = self.dataset.runs(self.dataset.local)
        return [file for run in runs for file in self.of_run(run)]

    @cached_property
    def masked(self) -> list[str]:
        """The systems that have neuron masks."""
        rows = self.dataset.systems.values()
        return [row.system for row in rows if row.method == "neuron_specialization"]

    @cached_property
    def masks(self) -> list[str]:
        """The neuron masks of all systems that have any."""
        return files(MASKS, self.dataset.runs(self.masked))

    @cached_property
    def with_curve(self) -> list[Run]:
        """Runs that write a validation curve; bilingual models are too numerous."""
        chosen = (name for name in self.dataset.described if name in self.dataset.trained)
        systems = self.dataset.systems
        return self.dataset.runs(name for name in chosen if systems[name].method != "bilingual")

    @cached_property
    def curves(self) -> list[str]:
        """The validation curves of these runs."""
        return files(CURVE, self.with_curve)

    @cached_property
    def curve_settings(self) -> dict[str, Any]:
        """Runs of the curves, and the label and parent of each system."""
        return {
            "runs": [tuple(run) for run in self.with_curve],
            "labels": self.dataset.labels,
            "parents": {name: self.dataset.systems[name].parent for name, _ in self.with_curve},
        }
