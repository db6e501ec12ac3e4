"""Make a table of systems in one metric: CSV, Markdown, LaTeX and HTML."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.logs import log_to
from neuron_specialization.tables.footers import describe_origin, describe_sizes
from neuron_specialization.tables.paper_values import read_paper_values
from neuron_specialization.tables.rows import Training, gather_comparisons, gather_rows
from neuron_specialization.tables.score_tables import read_parameters
from neuron_specialization.tables.table_files import TableSettings, write_tables

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def read_trainings() -> list[Training]:
    """The trainings of the table with their scores."""
    names, seeds = params.trainings["system"], params.trainings["seed"]
    return [
        Training(
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


def read_sizes() -> list[str]:
    """A line on the training corpora, if there are any, for a table by language."""
    if params.layout != "languages" or not snakemake.input.report:
        return []
    return describe_sizes(pd.read_csv(snakemake.input.report, sep="\t"), list(params.levels))


with log_to(snakemake.log[0]):
    params, wildcards = snakemake.params, snakemake.wildcards
    trainings = read_trainings()
    parameters = read_parameters(Path(snakemake.input.parameters))["total"]
    seeds = {
        training.label: [t.seed for t in trainings if t.label == training.label]
        for training in trainings
        if training.system in params.seeded
    }
    write_tables(
        gather_rows(trainings, parameters),
        gather_comparisons(read_tests(), params.labels),
        read_paper_values(Path(snakemake.input.paper)),
        TableSettings(
            title=f"{params.dataset}, {wildcards.split}: {wildcards.table}",
            layout=params.layout,
            metric=wildcards.metric,
            levels=params.levels,
            pivot=params.pivot,
            directions=params.directions,
            round_first=params.round_first,
            level=params.level,
            paper=params.paper,
        ),
        origin=[
            *read_sizes(),
            *describe_origin(params.settings, seeds, Path(snakemake.input.paper).parents[1]),
        ],
        out={form: Path(path) for form, path in snakemake.output.items()},
    )
