"""Make a table of systems in one metric: CSV, Markdown and LaTeX."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization import __version__
from neuron_specialization.analysis.language_tables import language_score_table
from neuron_specialization.analysis.tables import (
    SystemRow,
    find_signatures,
    main_table,
    merge_scores,
    score_table,
)
from neuron_specialization.analysis.writers import write_csv, write_latex, write_markdown
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

METRIC_NAMES = {"bleu": "BLEU", "chrf": "chrF++"}


def read_trainings() -> pd.DataFrame:
    """The trainings of the table: system, seed, label, and their scores."""
    trainings = pd.DataFrame(snakemake.params.trainings)
    trainings["label"] = trainings["system"].map(snakemake.params.labels)
    trainings["scores"] = [
        pd.read_csv(path, float_precision="round_trip") for path in snakemake.input.scores
    ]
    return trainings


def system_rows(trainings: pd.DataFrame) -> list[SystemRow]:
    """A row per label: the mean of its seeds; the first one is the reference."""
    total = pd.read_csv(snakemake.input.parameters, index_col="system")["total"]
    groups = trainings.groupby("label", sort=False)
    sizes = [total[rows["system"].unique()].sum() for _, rows in groups]
    return [
        SystemRow(
            label=label,
            scores=merge_scores(list(rows["scores"])),
            extra_parameters=100 * (size / sizes[0] - 1) if i else None,
        )
        for i, ((label, rows), size) in enumerate(zip(groups, sizes, strict=True))
    ]


def languages_of(row: SystemRow) -> list[str]:
    """The languages that a row has, in the order of languages.tsv."""
    found = {language for pair in row.scores["pair"] for language in pair.split("-")}
    return [language for language in snakemake.params.levels if language in found]


def footer(rows: list[SystemRow], trainings: pd.DataFrame, metric: str) -> list[str]:
    """What the numbers are, and where they come from."""
    name = METRIC_NAMES[metric]
    seeds = [
        f"{label} {' '.join(map(str, dict.fromkeys(group['seed'])))}"
        for label, group in trainings.groupby("label", sort=False)
    ]
    return [
        f"{rows[0].label}: scores; other rows: differences to it",
        *(f"{name}: {signature}" for signature in find_signatures(rows, metric)),
        f"Seeds (scores are their mean): {', '.join(seeds)}",
        f"Settings {snakemake.params.settings}, neuron-specialization {__version__}",
    ]


def write_tables() -> None:
    """Write the table in its three forms."""
    params, output, metric = snakemake.params, snakemake.output, snakemake.wildcards.metric
    trainings = read_trainings()
    rows = system_rows(trainings)
    settings = {"metric": metric, "levels": params.levels, "pivot": params.pivot}
    if params.layout == "levels":
        settings["pairs"] = params.directions
        table = score_table(rows, **settings)
    else:
        settings["languages"] = languages_of(rows[0])
        table = language_score_table(rows, **settings)
    printed = main_table(table)
    wildcards = snakemake.wildcards
    title = f"{METRIC_NAMES[metric]} on {params.dataset}, {wildcards.split}: {wildcards.table}"
    notes = footer(rows, trainings, metric)
    write_csv(table, Path(output.csv))
    write_markdown(printed, Path(output.markdown), title=title, footer=notes)
    write_latex(printed, Path(output.latex), title=title, footer=notes)


with log_to(snakemake.log[0]):
    write_tables()
