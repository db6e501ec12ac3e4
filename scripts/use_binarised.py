"""Link corpora that were binarised elsewhere with a given dictionary."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.lengths import report_lengths
from neuron_specialization.fairseq_plugin.prebinarised import use_binarised
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    use_binarised(
        Path(snakemake.params.found),
        folder,
        pairs=snakemake.params.pairs,
        splits=snakemake.params.splits,
        vocabulary=Path(snakemake.input.vocabulary),
    )
    report_lengths(folder)
