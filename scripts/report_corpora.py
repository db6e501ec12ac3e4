"""Put the counts of all splits and pairs into one report."""

from pathlib import Path

from neuron_specialization.corpora.report import merge_reports
from neuron_specialization.files import single_or_none
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    inputs = snakemake.input
    too_long = (Path(folder) / "too_long.tsv" for folder in inputs.binarised)
    merge_reports(
        map(Path, inputs.reports),
        too_long,
        single_or_none(inputs.checks),
        Path(snakemake.output.report),
    )
