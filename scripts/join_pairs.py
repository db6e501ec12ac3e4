"""Make the text of pairs without the pivot from the pairs with it."""

from pathlib import Path

from neuron_specialization.corpora.joining import join_pairs
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params = snakemake.params
    join_pairs(
        snakemake.wildcards.split,
        params.pairs,
        params.pivot,
        [Path(path) for path in snakemake.output.corpora],
        Path(snakemake.output.report),
        has_raw=params.has_raw,
    )
