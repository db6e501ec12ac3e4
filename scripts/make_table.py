"""Make the main table of one metric: CSV, Markdown and LaTeX."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization import __version__
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

with log_to(snakemake.log[0]):
    metric, params = snakemake.wildcards.metric, snakemake.params
    base, *others = params.labels
    rows = [
        SystemRow(
            label=label,
            scores=pd.read_csv(path, float_precision="round_trip"),
            extra_parameters=None if label == base else 100 * (size / params.parameters[0] - 1),
        )
        for label, path, size in zip(
            params.labels, snakemake.input.scores, params.parameters, strict=True
        )
    ]
    settings = {
        "metric": metric,
        "levels": params.levels,
        "pivot": params.pivot,
        "pairs": params.directions,
    }
    title = f"{METRIC_NAMES[metric]} on {params.dataset}, {snakemake.wildcards.split}"
    footer = [
        f"{base}: absolute; other rows: difference to it",
        *(f"{METRIC_NAMES[metric]}: {found}" for found in find_signatures(rows, metric)),
        f"seeds: {', '.join(map(str, params.seeds))}; settings {params.config_hash}; "
        f"neuron-specialization {__version__}",
    ]
    write_csv(score_table(rows, **settings), Path(snakemake.output.csv))
    table = main_table(rows, **settings)
    write_markdown(table, Path(snakemake.output.markdown), title=title, footer=footer)
    write_latex(table, Path(snakemake.output.latex), title=title, footer=footer)
