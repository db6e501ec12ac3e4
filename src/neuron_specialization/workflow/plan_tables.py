"""The plan for `rules/tables.smk`: tables of scores, and tables of the set-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.corpora.corpus_files import pair_name
from neuron_specialization.settings.digests import settings_digests, settings_hash
from neuron_specialization.settings.languages import all_directions, every_direction
from neuron_specialization.settings.systems import System
from neuron_specialization.tables.cells import Cell, Cells, table_blocks
from neuron_specialization.workflow.dataset import Dataset, Run, Wildcards, files
from neuron_specialization.workflow.paths import (
    CHECKPOINT,
    IDENTIFIED,
    IDENTIFIER_ACCURACY,
    MASKS,
    PARAMETERS,
    SCORE_TABLE,
    SCORES,
    TESTS,
    TRANSLATIONS,
)
from neuron_specialization.workflow.plan_corpora import CorporaPlan
from neuron_specialization.workflow.plan_diagnosis import DiagnosisPlan
from neuron_specialization.workflow.plan_evaluation import EvaluationPlan
from neuron_specialization.workflow.plan_models import ModelsPlan
from neuron_specialization.workflow.plan_off_target import METRIC, OffTargetPlan

SETUP_TITLES = {
    "table4": "Table 4: efficiency",
    "table5": "Table 5: languages",
    "table6": "Table 6: models",
    "trainings": "Trainings",
}
COST_COLUMNS = (
    *("system", "label", "method", "parent", "sharing", "adapters_per_layer"),
    *("k", "stacks", "shuffled", "fine_tune"),
)
"""Columns of a system that Table 4 uses."""


@dataclass(frozen=True)
class TablesPlan:
    """The tables of a dataset."""

    dataset: Dataset
    corpora: CorporaPlan
    models: ModelsPlan
    evaluation: EvaluationPlan
    off_target: OffTargetPlan
    diagnosis: DiagnosisPlan

    @cached_property
    def systems(self) -> dict[str, list[str]]:
        """The systems of each table of scores."""
        rows = self.dataset.systems
        return {
            table: [name for name, row in rows.items() if table in row.tables]
            for table in self.dataset.config["tables"]
        }

    @cached_property
    def layouts(self) -> dict[str, Mapping[str, Any]]:
        """The layout of each table, its figure, and by metric the paper's counterparts.

        A matrix has a figure of the table's name, if no other is given.
        """
        found = {
            table: {"paper": {}, **({"layout": given} if isinstance(given, str) else given)}
            for table, given in self.dataset.config["tables"].items()
        }
        return {
            table: {"figure": table, **layout} if layout["layout"] == "matrix" else layout
            for table, layout in found.items()
        }

    @cached_property
    def all_of_scores(self) -> list[str]:
        """All tables of scores, as Markdown."""
        return [
            f"{SCORE_TABLE}.md".format(split=split, table=table, metric=metric)
            for split in self.dataset.config["test_splits"]
            for table, systems in self.systems.items()
            if systems
            for metric in self.evaluation.metrics(split, systems)
        ]

    def compared(self, table: str) -> list[Run]:
        """Return the runs of a table that are tested against other runs."""
        runs = self.dataset.runs(self.systems[table])
        return [run for run in runs if self.evaluation.comparisons_of(run)]

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the scores and paired tests of a table, and what its footer quotes.

        Main tables quote the diagnosis, off-target rates the identified languages.
        """
        table, split = wildcards.table, wildcards.split
        runs = self.dataset.runs(self.systems[table])
        is_off_target = wildcards.metric == METRIC
        is_main = self.layouts[table]["layout"] == "levels"
        return {
            "scores": files(SCORES, runs, split=split),
            "tests": files(TESTS, self.compared(table), split=split),
            "diagnosis": self.diagnosis.table if is_main else [],
            "accuracy": [IDENTIFIER_ACCURACY.format(split=split)] if is_off_target else [],
            "identified": files(IDENTIFIED, runs, split=split) if is_off_target else [],
        }

    def directions(self, table: str) -> list[str]:
        """Return the directions of a table's layout that one of its systems translates."""
        used = {pair for name in self.systems[table] for pair in self.dataset.systems[name].scored}
        order = every_direction if self._is_matrix(table) else all_directions
        every = order(self.dataset.languages, self.dataset.pivot)
        return [pair for pair in every if pair in used]

    def _is_matrix(self, table: str) -> bool:
        return bool(self.layouts[table]["layout"] == "matrix")

    def cells(self, wildcards: Wildcards) -> list[Cell]:
        """Return the cells that the tables of a system have, each once."""
        row = self.dataset.row(wildcards)
        found = [
            cell
            for table in row.tables
            for cells in self.blocks(table, wildcards.split).values()
            for cell in cells.values()
            if sum(map(len, cell)) > 1
        ]
        return list(dict.fromkeys(found))

    def blocks(self, table: str, split: str) -> dict[str, Cells]:
        """Return the directions behind the cells of a table, by block."""
        directions, rows = self.directions(table), self.dataset.systems
        first = rows[self.systems[table][0]].label  # of one row, or of several that complement it
        return table_blocks(
            self.layouts[table]["layout"],
            levels=self._levels,
            pivot=self.dataset.pivot,
            directions=directions,
            scored=directions,
            first={
                pair
                for name in self.systems[table]
                if rows[name].label == first
                for pair in rows[name].directions
            },
            untested=self.untested(split),
        )

    @property
    def _levels(self) -> dict[str, str]:
        return {code: self.dataset.languages[code].level for code in self.dataset.others}

    def untested(self, split: str) -> list[str]:
        """Return the languages without a test split."""
        pairs = {code: pair_name(self.dataset.pivot, code) for code in self.dataset.others}
        return [code for code, pair in pairs.items() if not self.dataset.has_split(split, pair)]

    def settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the parameters of a table of scores."""
        dataset, table = self.dataset, wildcards.table
        layout, config = self.layouts[table], dataset.config
        return {
            "dataset": config["dataset"],
            "layout": layout["layout"],
            "paper": layout["paper"].get(wildcards.metric, ""),
            "runs": [tuple(run) for run in dataset.runs(self.systems[table])],
            "compared": [tuple(run) for run in self.compared(table)],
            "labels": dataset.labels,
            "seeded": dataset.local,
            "levels": self._levels,
            "pivot": dataset.pivot,
            "directions": self.directions(table),
            "untested": self.untested(wildcards.split),
            "level": config["significance"]["level"],
            "settings": settings_hash(config, dataset.languages, dataset.systems),
            **({"zero_shot": self._zero_shot(table)} if self._is_matrix(table) else {}),
        }

    def _zero_shot(self, table: str) -> dict[str, str]:
        """Return the labels of the rows of a table with zero-shot directions, and their masks."""
        rows = (self.dataset.systems[name] for name in self.systems[table])
        return {
            row.label: "composed" if row.method == "neuron_specialization" else ""
            for row in rows
            if row.zero_shot
        }

    @cached_property
    def of_setup(self) -> list[str]:
        """The tables of the set-up: costs, languages, models, runs."""
        if not self.dataset.local:
            return ["table5"]
        return [name for name in SETUP_TITLES if name != "trainings" or self.models.with_curve]

    @property
    def all(self) -> list[str]:
        """All tables, as Markdown, and the page of settings."""
        setup = [f"<dataset>/tables/{table}.md" for table in self.of_setup]
        diagnosis = [path.replace(".csv", ".md") for path in self.diagnosis.table]
        scores = [*self.all_of_scores, *self.off_target.tables]
        return [*scores, *diagnosis, *setup, "<dataset>/tables/settings.html"]

    @property
    def all_merged(self) -> list[str]:
        """All tables but Table 4, whose costs depend on the machine, and those made from text."""
        left_out = ("<dataset>/tables/table4.md", *self.off_target.tables)
        return [path for path in self.all if path not in left_out]

    def setup_labels(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the name of a table of the set-up in the report."""
        return {"item": SETUP_TITLES[wildcards.table]}

    def setup_inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the inputs of a table of the set-up."""
        inputs: dict[str, dict[str, list[str]]] = {
            "table4": {**self.costs, "parameters": [PARAMETERS]},
            "table5": {"report": [] if self.corpora.prebinarised else self.corpora.report},
            "table6": {"parameters": [PARAMETERS]},
            "trainings": {"curves": self.models.curves},
        }
        return inputs[wildcards.table]

    def setup_settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the parameters of a table of the set-up."""
        rows = {name: self.dataset.systems[name] for name in self.dataset.described}
        of_dataset = {"dataset": self.dataset.config["dataset"]}
        settings: dict[str, dict[str, Any]] = {
            "table4": {
                "systems": [{c: getattr(row, c) for c in COST_COLUMNS} for row in rows.values()],
                "jobs": {name: self.jobs(row) for name, row in rows.items()},
            },
            "table5": {"languages": self.language_rows, **of_dataset},
            "table6": {
                "systems": self.model_rows,
                "normalisation": self.corpora.vocabularies.normalisation,
                **of_dataset,
            },
            "trainings": {**self.models.curve_settings, **of_dataset},
        }
        return settings[wildcards.table]

    @cached_property
    def language_rows(self) -> list[dict[str, Any]]:
        """The rows of all languages except the pivot."""
        return [vars(self.dataset.languages[code]) for code in self.dataset.others]

    @cached_property
    def model_rows(self) -> list[dict[str, Any]]:
        """The name, label and architecture of each system, and whether it is trained here."""
        dataset = self.dataset
        rows = (dataset.systems[name] for name in dataset.described)
        return [
            {
                "system": r.system,
                "label": r.label,
                "architecture": dataset.architecture(r),
                "is_checkpoint": bool(r.checkpoint),
            }
            for r in rows
        ]

    @cached_property
    def counted(self) -> list[dict[str, Any]]:
        """The settings that the parameters of each system are counted from."""
        rows = (self.dataset.systems[model["system"]] for model in self.model_rows)
        return [
            {
                **model,
                "parent": row.parent,
                "models": len(row.directions) if row.method == "bilingual" else 1,
                "dictionaries": self.corpora.vocabularies.dictionary_sizes(row),
                "adapters": self.dataset.adapters(row),
            }
            for model, row in zip(self.model_rows, rows, strict=True)
        ]

    @cached_property
    def imported(self) -> list[dict[str, Any]]:
        """The stated parameters of each imported system."""
        rows = (self.dataset.systems[name] for name in self.dataset.imported)
        return [
            {"system": r.system, "label": r.label, "parent": r.parent, "total": r.parameters}
            for r in rows
        ]

    @cached_property
    def costs(self) -> dict[str, list[str]]:
        """Files that directions store besides the shared model, and translations, by system.

        For the first seed and the first test split.
        """
        split = self.dataset.config["test_splits"][0]
        found = {}
        for name in self.dataset.described:
            run, method = self.dataset.runs([name])[0], self.dataset.systems[name].method
            path = {"adapter": CHECKPOINT, "neuron_specialization": MASKS}.get(method)
            stored = files(path, [run]) if path else []
            found[f"stored_{name}"] = self.models.weight_masks(run) if method == "lass" else stored
            found[f"translated_{name}"] = files(TRANSLATIONS, [run], split=split)
        return found

    def jobs(self, row: System) -> dict[str, list[str]]:
        """Return the jobs of a system's first run by kind, named as their logs and records.

        They are not inputs, so that removing such a file does not cause training to rerun.
        """
        run, split = self.dataset.runs([row.system])[0], self.dataset.config["test_splits"][0]
        name = f"{run.system}.seed{run.seed}"
        training = [f"train_system/{name}"]
        if row.method == "bilingual":
            training = self._shards("train_bilingual", "bilingual_models", name)
        return {
            "finding": self._finding(row, run, name),
            "training": training if row.system in self.dataset.trained else [],
            "decoding": [f"translate_split/{split}.{name}"],
        }

    def _finding(self, row: System, run: Run, name: str) -> list[str]:
        """Return the jobs that find the sub-networks of a system."""
        if row.method == "lass":
            return self._shards("fine_tune_directions", "fine_tunes", name)
        if row.method != "neuron_specialization":
            return []
        # a random draw needs no activations
        parents = [self.dataset.parent_run(run)] if row.k is not None else []
        recording = files("record_activations/{system}.seed{seed}", parents)
        return [*recording, f"select_neurons/{name}"]

    def _shards(self, rule: str, kind: str, name: str) -> list[str]:
        return [f"{rule}/{name}.{item}" for item in self.dataset.shards[kind]]

    @property
    def digests(self) -> dict[str, Any]:
        """Hashes that show whether the results of two workflows may be combined."""
        return settings_digests(self.dataset.config, self.dataset.languages, self.dataset.systems)
