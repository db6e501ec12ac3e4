"""Read parallel text from Debian packages, and split it."""

from pathlib import Path

from neuron_specialization.corpora.software_splits import HeldOutSplit
from neuron_specialization.corpora.software_text import SoftwareText, read_packages
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params, settings = snakemake.params, snakemake.params.settings
    read_packages(
        SoftwareText(
            codes=settings["codes"],
            pivot=settings["pivot"],
            train=tuple(settings["train"]),
            contents=Path(snakemake.input.contents[0]) if snakemake.input.contents else None,
            held_out={name: HeldOutSplit(**split) for name, split in settings["held_out"].items()},
        ),
        Path(params.folder),
        Path(snakemake.output.report).parent,
        snakemake.threads,
    )
