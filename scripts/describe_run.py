"""Describe what the jobs of a dataset took."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.logs import log_to
from neuron_specialization.tables.run_times import RECORDS, read_jobs, write_run

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    csv, html = Path(snakemake.output.csv), Path(snakemake.output.html)
    dataset = str(html.parents[1])
    write_run(read_jobs(RECORDS, dataset), csv, html)
