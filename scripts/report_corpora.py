"""Put the counts of all splits and pairs into one report."""

from pathlib import Path

from neuron_specialization.corpora.report import merge_reports
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    merge_reports(map(Path, snakemake.input.reports), Path(snakemake.output.report))
