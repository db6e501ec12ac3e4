"""The plan for `rules/figures.smk`: figures of neurons and of scores."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.neurons.sides import SIDES, side_label
from neuron_specialization.settings.related_systems import find_controls
from neuron_specialization.workflow.dataset import Dataset, Run, Wildcards, files
from neuron_specialization.workflow.paths import (
    COUNTS,
    CROSS_MASKS,
    NEURONS,
    SCORE_TABLE,
    SCORES,
    shown,
)
from neuron_specialization.workflow.plan_tables import TablesPlan

NEURON_FIGURES = {
    "figure1": ("Figure 1: first decoder layer", "heat_map"),
    "figure2": ("Figure 2: overlap by layer", "figure2"),
    "figure5": ("Figure 5: sparsity by layer", "figure5"),
    "figure6": ("Figure 6: first encoder layer", "heat_map"),
    "figure7": ("Figure 7: last encoder layer", "heat_map"),
    "figure8": ("Figure 8: last decoder layer", "heat_map"),
    "dendrograms": ("Dendrograms", "dendrograms"),
}
"""Figures of neurons: title, and name of the caption in `report/`."""


@dataclass(frozen=True)
class FiguresPlan:
    """The figures of a dataset."""

    dataset: Dataset
    tables: TablesPlan

    @cached_property
    def all(self) -> list[str]:
        """All figures as PDF, and the explorers."""
        return [*self.of_neurons, *self.of_scores]

    @cached_property
    def of_neurons(self) -> list[str]:
        """The figures and statistics of the analysed system's neurons, and its explorers."""
        runs, k = self.dataset.runs(self.dataset.analysed), self.dataset.config["analysis"]["k"]
        folders = [
            folder
            for counting in self.dataset.countings
            for folder in files(f"{NEURONS}/{counting}.k{k:g}", runs)
        ]
        names = [*(f"{name}.pdf" for name in NEURON_FIGURES), "relations.html"]
        figures = [f"{folder}/{name}" for name in names for folder in folders]
        crossed = files(f"{CROSS_MASKS}.html", self.tables.evaluation.cross_masked)
        return [*figures, *files(f"{NEURONS}/explorer.html", runs), *crossed]

    @property
    def measured(self) -> dict[str, Any]:
        """Parameters of the job that measures neurons."""
        config = self.dataset.config
        distances = config["analysis"]["distances"]
        return {
            **self._languages,
            "label": self._label,
            "distances": distances,
            "seed": config["seed"],
        }

    @property
    def drawn(self) -> dict[str, Any]:
        """Parameters of the job that draws neurons."""
        languages = self.dataset.languages
        families = {code: languages[code].family for code in self.dataset.others}
        return {"families": families, "pivot": self.dataset.pivot}

    @property
    def explored(self) -> dict[str, Any]:
        """Parameters of the job that makes the explorer."""
        return {**self._languages, "title": self._title, **self._shown_first}

    @property
    def _shown_first(self) -> dict[str, Any]:
        """The selection that the explorer opens with and the summary shows."""
        return {"k": self.dataset.config["analysis"]["k"], "counting": self.dataset.countings[0]}

    @property
    def _languages(self) -> dict[str, Any]:
        return {"languages": self.tables.language_rows, "pivot": self.dataset.pivot}

    def _label(self, wildcards: Wildcards) -> str:
        return self.dataset.row(wildcards).label

    def _title(self, wildcards: Wildcards) -> str:
        return f"{self.dataset.config['dataset']}, {self._label(wildcards)}"

    @property
    def neuron_pictures(self) -> list[str]:
        """Figures of neurons for the report."""
        return [
            self.shown(f"<neurons>/{name}.png", caption, title)
            for name, (title, caption) in NEURON_FIGURES.items()
        ]

    @property
    def neuron_files(self) -> list[str]:
        """Figures of neurons as PDF, and the data behind them."""
        return [f"<neurons>/{name}.{form}" for name in NEURON_FIGURES for form in ("pdf", "csv")]

    @property
    def explorer(self) -> str:
        """The page for exploring neurons."""
        path = f"{NEURONS}/explorer.html"
        return self.shown(path, "explorer", "Explorer", k="any", counting="both")

    @property
    def cross_masks(self) -> dict[str, str]:
        """The heat maps of cross-mask matrices, and their statistics."""
        names = {side: side_label(side, self.dataset.pivot) for side in SIDES}
        labels = {"k": "its own", "counting": "its own"}
        files = {
            f"{side}_{form}": f"{CROSS_MASKS}.{side}.{form}"
            for side in SIDES
            for form in ("pdf", "png", "csv")
        }
        for side, name in names.items():
            title = f"Masks of other directions, {name}"
            files[f"{side}_png"] = self.shown(files[f"{side}_png"], "cross_masks", title, **labels)
        page = self.shown(f"{CROSS_MASKS}.html", "cross_masks", "Masks of others: tests", **labels)
        return {**files, "html": page}

    @property
    def crossed(self) -> dict[str, Any]:
        """Parameters of the job that draws and tests cross-mask matrices."""
        return {**self.drawn, "label": self._label, "seed": self.dataset.config["seed"]}

    def shown(self, path: str, caption: str, item: str, **labels: str) -> str:
        """Return a path about neurons that the report shows."""
        of_path = {name: f"{{{name}}}" for name in ("system", "seed", "k", "counting")}
        return shown(path, caption, item, **of_path | labels)

    @cached_property
    def of_scores(self) -> list[str]:
        """The figures of scores and of validations."""
        curves = ["<dataset>/figures/trainings.pdf"] if self.tables.models.with_curve else []
        return curves + [
            f"<dataset>/figures/{split}/{name}.{metric}.pdf"
            for split in self.dataset.config["test_splits"]
            for name in self.names
            for metric in self.tables.evaluation.metrics_of(self.drawn_systems(name))
        ]

    def drawn_systems(self, figure: str) -> list[str]:
        """Return the systems of a figure of scores: its table's, or else those that train here."""
        table = self.of_tables.get(figure)
        return self.tables.systems[table] if table else self.dataset.local

    @property
    def names(self) -> list[str]:
        """The figures of scores."""
        sweep = ["figure4"] if self.dataset.sweep else []
        summary = ["summary"] if self.gains_table and self.dataset.analysed else []
        return [*self.of_tables, *sweep, *(["gains"] if self.gains_table else []), *summary]

    @cached_property
    def of_tables(self) -> dict[str, str]:
        """Tables by language, or of sources by targets, that have a figure, by its name."""
        layouts = self.tables.layouts.items()
        drawn = ((table, layout.get("figure")) for table, layout in layouts)
        return {name: table for table, name in drawn if name and self.tables.systems[table]}

    def score_inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the tables or scores that a figure of scores shows."""
        split, metric = wildcards.split, wildcards.metric
        if wildcards.figure == "figure4":
            runs = [run for _, _, run in self.swept]
            parents = [self.dataset.parent_run(run) for run in runs]
            scores, parent_scores = (files(SCORES, each, split=split) for each in (runs, parents))
            return {"scores": scores, "parents": parent_scores}
        if wildcards.figure in ("gains", "summary"):
            path = f"{SCORE_TABLE}.gains.csv"
            gains = [path.format(split=split, table=t, metric=metric) for t in self.gains_table]
            runs = self.dataset.runs(self.dataset.analysed)[:1]
            counts = {"counts": files(COUNTS, runs)} if wildcards.figure == "summary" else {}
            return {"gains": gains, **counts}
        table = self.of_tables[wildcards.figure]
        return {"table": [f"{SCORE_TABLE}.csv".format(split=split, table=table, metric=metric)]}

    def score_settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the other parameters of a figure of scores: its kind and the kind's parameters."""
        shared = {"pivot": self.dataset.pivot, "highlighted": self.dataset.highlighted}
        if wildcards.figure == "figure4":
            runs = [(label, k, run.seed) for label, k, run in self.swept]
            return {"kind": "sweep", "runs": runs, "labels": self.sweep_labels, **shared}
        if wildcards.figure == "gains":
            return {"kind": "gains", **shared}
        if wildcards.figure == "summary":
            families = self.drawn["families"]
            return {"kind": "summary", "families": families, **self._shown_first, **shared}
        if self.tables.layouts[self.of_tables[wildcards.figure]]["layout"] == "matrix":
            languages = self.dataset.languages
            families = {code: languages[code].family for code in languages}
            return {"kind": "matrix", "families": families, **shared}
        return {"kind": "languages", "languages": self.dataset.others, **shared}

    @property
    def curve_settings(self) -> dict[str, Any]:
        """Parameters of the job that draws validation curves."""
        return {**self.tables.models.curve_settings, "highlighted": self.dataset.highlighted}

    @cached_property
    def gains_table(self) -> list[str]:
        """The table whose differences to continued baselines are drawn, if it has any."""
        return [
            table
            for table, layout in self.tables.layouts.items()
            if layout["layout"] == "levels"
            and any(
                role == "control"
                for run in self.tables.compared(table)
                for role, _, _ in self.tables.evaluation.comparisons_of(run)
            )
        ][:1]

    @property
    def distances(self) -> list[str]:
        """The file of language distances, if one is given."""
        given = self.dataset.config["analysis"]["distances"]
        return [] if given in ("", "builtin") else [self.dataset.path(given)]

    @cached_property
    def swept(self) -> list[tuple[str, float | None, Run]]:
        """The runs of the sweep of k with the label of their line, then the continued baseline's.

        The k of the continued baseline is None.
        """
        labels, systems = self.dataset.labels, self.dataset.systems
        lines = [
            (labels[name], k, row)
            for name, of_k in self.dataset.sweep.items()
            for k, row in of_k.items()
        ]
        controls = find_controls(lines[0][2], systems)[:1] if lines else []
        rows = [*lines, *((row.label, None, row) for row in controls)]
        return [(line, k, Run(row.system, seed)) for line, k, row in rows for seed in row.seeds]

    @cached_property
    def sweep_labels(self) -> dict[str, str]:
        """The labels of the parent and of the continued baseline of the sweep of k."""
        labels, systems = self.dataset.labels, self.dataset.systems
        parents = [labels[systems[name].parent] for name in self.dataset.sweep]
        controls = [line for line, k, _ in self.swept if k is None]
        return {"parent": next(iter(parents), ""), "control": next(iter(controls), "")}
