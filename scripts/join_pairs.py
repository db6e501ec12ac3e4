"""Make the text of pairs without the pivot from the pairs with it."""

from pathlib import Path

from neuron_specialization.corpora.joining import join_pairs
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params, report = snakemake.params, Path(snakemake.output.report)
    join_pairs(report.parent, params.pairs, params.pivot, params.raw, report)
