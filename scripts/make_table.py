"""Make the main table of one metric: CSV, Markdown and LaTeX."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization import __version__
from neuron_specialization.analysis.parameters import count_parameters
from neuron_specialization.analysis.tables import (
    SystemRow,
    find_signatures,
    main_table,
    score_table,
)
from neuron_specialization.analysis.writers import write_csv, write_latex, write_markdown
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

METRIC_NAMES = {"bleu": "BLEU", "chrf": "chrF++"}
FAIRSEQ_SYMBOLS = 4  # of every fairseq dictionary, not written in its file


def system_rows() -> list[SystemRow]:
    """The systems of the table with their scores; the first one is the reference."""
    vocabulary = FAIRSEQ_SYMBOLS + len(Path(snakemake.input.dictionary).read_bytes().splitlines())
    sizes = [
        count_parameters(
            layers=system["layers"],
            d_model=system["d_model"],
            d_ff=system["d_ff"],
            vocabulary=vocabulary,
        )
        for system in snakemake.params.systems
    ]
    return [
        SystemRow(
            label=system["label"],
            scores=pd.read_csv(path, float_precision="round_trip"),
            extra_parameters=100 * (size / sizes[0] - 1) if i else None,
        )
        for i, (system, path, size) in enumerate(
            zip(snakemake.params.systems, snakemake.input.scores, sizes, strict=True)
        )
    ]


def write_tables() -> None:
    """Write the table in its three forms."""
    params, metric = snakemake.params, snakemake.wildcards.metric
    rows = system_rows()
    settings = {
        "metric": metric,
        "levels": params.levels,
        "pivot": params.pivot,
        "pairs": params.directions,
    }
    title = f"{METRIC_NAMES[metric]} on {params.dataset}, {snakemake.wildcards.split}"
    seeds = ", ".join(f"{system['label']} {system['seed']}" for system in params.systems)
    footer = [
        f"{rows[0].label}: scores; other rows: differences to it",
        *(f"{METRIC_NAMES[metric]}: {signature}" for signature in find_signatures(rows, metric)),
        f"Seeds: {seeds}",
        f"Settings {params.settings}, neuron-specialization {__version__}",
    ]
    table = main_table(rows, **settings)
    write_csv(score_table(rows, **settings), Path(snakemake.output.csv))
    write_markdown(table, Path(snakemake.output.markdown), title=title, footer=footer)
    write_latex(table, Path(snakemake.output.latex), title=title, footer=footer)


with log_to(snakemake.log[0]):
    write_tables()
