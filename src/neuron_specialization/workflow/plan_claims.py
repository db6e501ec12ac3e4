"""The plan for the claims in `rules/tables.smk`: the paper's claims, judged by this run."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuron_specialization.settings.claims import (
    BASELINE,
    SPECIALIZED,
    Claim,
    find_claimed,
    read_claims,
)
from neuron_specialization.settings.diagnosis import BILINGUAL
from neuron_specialization.settings.systems import System
from neuron_specialization.tables.cells import GROUP_OF_LEVEL, OVERALL, Cell, Cells
from neuron_specialization.workflow.dataset import Dataset, Wildcards, files
from neuron_specialization.workflow.paths import COUNTS, PARAMETERS, SCORES, TESTS
from neuron_specialization.workflow.plan_diagnosis import DiagnosisPlan
from neuron_specialization.workflow.plan_off_target import METRIC as OFF_TARGET
from neuron_specialization.workflow.plan_tables import TablesPlan

CLAIMS, SCHEMA = "config/claims.yaml", "config/schemas/claims.schema.yaml"
TIMED = (SPECIALIZED, "lass")
"""Roles whose time to find the sub-networks is compared."""


@dataclass(frozen=True)
class ClaimsPlan:
    """The claims of the paper; a dataset that specializes no neurons here judges none."""

    dataset: Dataset
    tables: TablesPlan
    diagnosis: DiagnosisPlan

    @cached_property
    def roles(self) -> dict[str, list[System]]:
        """The systems of each role (`settings.claims.find_claimed`)."""
        local = {name: self.dataset.systems[name] for name in self.dataset.local}
        swept = [row for rows in self.dataset.sweep.values() for row in rows.values()]
        return find_claimed(local, swept)

    @cached_property
    def table(self) -> list[str]:
        """The claims as Markdown, if the dataset judges any."""
        tested = self.dataset.config["significance"]["test"] != "none"
        return ["<dataset>/tables/claims.md"] if self.roles and tested else []

    @cached_property
    def claims(self) -> list[Claim]:
        """The claims that the project comes with."""
        return read_claims(self.dataset.root / CLAIMS, self.dataset.root / SCHEMA)

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the files that the claims are judged on."""
        dataset, split = self.dataset, self.dataset.config["test_splits"][0]
        baseline = [row.system for row in self.roles.get(BASELINE, ())]
        return {
            "claims": [dataset.path(CLAIMS)],
            "paper": [dataset.path("config/paper_results.tsv")],
            "diagnosis": self.diagnosis.table,
            "tests": [file for name in self._rows for file in self._tests(name, split)],
            "bilingual": files(SCORES, self.diagnosis.runs[BILINGUAL], split=split),
            "counts": files(COUNTS, dataset.runs(baseline)),
            "parameters": [PARAMETERS],
        }

    def settings(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the other parameters of the claims (`ClaimSettings`)."""
        dataset, config = self.dataset, self.dataset.config
        runs = dataset.runs(self._rows)
        roles = {role: [row.system for row in rows] for role, rows in self.roles.items()}
        jobs = {role: self.roles[role] for role in TIMED if self.roles.get(role)}
        return {
            "runs": [tuple(run) for run in runs],
            "jobs": {role: self.tables.jobs(rows[0])["finding"] for role, rows in jobs.items()},
            "claims": {
                "dataset": config["dataset"],
                # the paper claims nothing about off-target rates
                "metrics": [name for name in config["metrics"] if name != OFF_TARGET],
                "roles": roles,
                "cells": self.cells,
                "families": {code: dataset.languages[code].family for code in dataset.others},
                "pivot": dataset.pivot,
                "counting": self.roles[SPECIALIZED][0].counting if self.roles else "",
                "level": config["significance"]["level"],
                "seed": config["seed"],
            },
        }

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The directions of the cells of all tables, by the names that claims use."""
        split = self.dataset.config["test_splits"][0]
        named: dict[str, Cell] = {}
        for table, layout in self.tables.layouts.items():
            if not self.tables.systems[table]:
                continue
            for block, cells in self.tables.blocks(table, split).items():
                for place, cell in cells.items():
                    by_level = layout["layout"] == "levels"
                    words = place if by_level else (table, block, place[0])
                    named.setdefault(" ".join(words), cell)
                if layout["layout"] == "languages" and (group := self._only_level(cells)):
                    named.setdefault(" ".join((table, block, group)), cells[OVERALL, ""])
        return named

    def _only_level(self, cells: Cells) -> str:
        """Return the name of the level of all columns, whose mean is `avg` then; or nothing."""
        languages = self.dataset.languages
        levels = {languages[column].level for column, _ in cells if column in languages}
        return GROUP_OF_LEVEL.get(levels.pop(), "").lower() if len(levels) == 1 else ""

    @property
    def _rows(self) -> list[str]:
        """The systems whose differences to others are claimed."""
        roles = dict.fromkeys(claim.row for claim in self.claims if claim.row)
        return [row.system for role in roles for row in self.roles.get(role, ())]

    def _tests(self, system: str, split: str) -> list[str]:
        return files(TESTS, self.dataset.runs([system]), split=split)
