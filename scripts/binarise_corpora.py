"""Turn the corpora into fairseq's binary form."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.lengths import report_lengths
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    folder.mkdir(parents=True)
    binarise_corpora(
        [Path(path) for path in snakemake.input.corpora],
        Path(snakemake.input.vocabulary),
        folder,
        shards=snakemake.params.shards,
        processes=snakemake.threads,
    )
    report_lengths(folder)
