"""Make a table of scores in one metric: CSV, Markdown, LaTeX and HTML."""

from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.logs import log_to
from neuron_specialization.tables.footers import (
    describe_origin,
    describe_sizes,
    describe_zero_shot,
)
from neuron_specialization.tables.paper_values import read_paper_values
from neuron_specialization.tables.rows import ScoredRun
from neuron_specialization.tables.setup_tables import read_parameters, read_sizes
from neuron_specialization.tables.table_files import TableSettings, write_tables
from neuron_specialization.tables.verdicts import quote_red


def read_runs() -> list[ScoredRun]:
    """Read the scores of the runs of the table."""
    return [
        ScoredRun(system=system, label=labels[system], seed=seed, scores=read_scores(Path(path)))
        for (system, seed), path in zip(settings["runs"], snakemake.input.scores, strict=True)
    ]


def read_tests() -> list[tuple[str, pd.DataFrame]]:
    """Read the paired tests of the runs of the table, by label."""
    numbers = ["score", "other_score", "low", "high", "p_value"]
    return [
        (labels[system], read_table(Path(path), numbers).assign(seed=seed))
        for (system, seed), path in zip(settings["compared"], snakemake.input.tests, strict=True)
    ]


def describe_off_target() -> list[str]:
    """Quote the language identifier, and the languages of off-target hypotheses by row."""
    if not inputs.accuracy:
        return []
    # scikit-learn takes a while to import
    from neuron_specialization.tables.off_target import describe_accuracy, describe_identified

    by_label: dict[str, list[pd.DataFrame]] = {}
    for (system, _), path in zip(settings["runs"], inputs.identified, strict=True):
        by_label.setdefault(labels[system], []).append(read_table(Path(path), ["percent"]))
    lines = [describe_identified(label, frames) for label, frames in by_label.items()]
    accuracy = read_table(Path(inputs.accuracy[0]), ["percent"])
    return [*describe_accuracy(accuracy), *(line for of_row in lines for line in of_row)]


with log_to(snakemake.log[0]):
    inputs, wildcards = snakemake.input, snakemake.wildcards
    settings, labels = snakemake.params.settings, snakemake.params.settings["labels"]
    runs, paper = read_runs(), Path(inputs.paper)
    by_language = settings["layout"] == "languages" and inputs.report
    sizes = read_sizes(Path(inputs.report[0])) if by_language else {}
    seeds = {
        run.label: [each.seed for each in runs if each.label == run.label]
        for run in runs
        if run.system in settings["seeded"]
    }
    same = ("layout", "levels", "pivot", "directions", "untested", "labels", "level", "paper")
    write_tables(
        runs,
        read_tests(),
        read_paper_values(paper),
        TableSettings(
            title=f"{settings['dataset']}, {wildcards.split}: {wildcards.table}",
            metric=wildcards.metric,
            parameters=read_parameters(Path(inputs.parameters))["total"],
            **{name: settings[name] for name in same},
        ),
        origin=[
            *describe_off_target(),
            *(line for path in inputs.diagnosis for line in quote_red(Path(path))),
            *describe_sizes(sizes, list(settings["levels"])),
            *describe_zero_shot(settings.get("zero_shot", {})),
            *describe_origin(settings["settings"], seeds, paper.parents[1]),
        ],
        out={form: Path(path) for form, path in snakemake.output.items()},
    )
