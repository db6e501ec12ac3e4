"""Make a table of systems in one metric: CSV, Markdown, LaTeX and HTML."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.logs import log_to
from neuron_specialization.tables.footers import describe_origin, describe_sizes
from neuron_specialization.tables.paper_values import read_paper_values
from neuron_specialization.tables.rows import ScoredRun
from neuron_specialization.tables.setup_tables import read_parameters, read_sizes
from neuron_specialization.tables.table_files import TableSettings, write_tables

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def read_runs() -> list[ScoredRun]:
    """The trainings of the table with their scores."""
    names, seeds = params.trainings["system"], params.trainings["seed"]
    return [
        ScoredRun(
            system=system, label=params.labels[system], seed=seed, scores=read_scores(Path(path))
        )
        for system, seed, path in zip(names, seeds, snakemake.input.scores, strict=True)
    ]


def read_tests() -> list[tuple[str, pd.DataFrame]]:
    """The paired tests of the table's trainings, by label."""
    names, seeds = params.compared["system"], params.compared["seed"]
    numbers = ["score", "other_score", "p_value"]
    return [
        (params.labels[system], read_table(Path(path), numbers).assign(seed=seed))
        for system, seed, path in zip(names, seeds, snakemake.input.tests, strict=True)
    ]


with log_to(snakemake.log[0]):
    params, wildcards, paper = snakemake.params, snakemake.wildcards, Path(snakemake.input.paper)
    runs = read_runs()
    by_language = params.layout == "languages" and snakemake.input.report
    sizes = read_sizes(Path(snakemake.input.report)) if by_language else {}
    seeds = {
        run.label: [each.seed for each in runs if each.label == run.label]
        for run in runs
        if run.system in params.seeded
    }
    write_tables(
        runs,
        read_tests(),
        read_paper_values(paper),
        TableSettings(
            title=f"{params.dataset}, {wildcards.split}: {wildcards.table}",
            layout=params.layout,
            metric=wildcards.metric,
            levels=params.levels,
            pivot=params.pivot,
            directions=params.directions,
            parameters=read_parameters(Path(snakemake.input.parameters))["total"],
            labels=params.labels,
            round_first=params.round_first,
            level=params.level,
            paper=params.paper,
        ),
        origin=[
            *describe_sizes(sizes, list(params.levels)),
            *describe_origin(params.settings, seeds, paper.parents[1]),
        ],
        out={form: Path(path) for form, path in snakemake.output.items()},
    )
