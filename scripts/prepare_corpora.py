"""Read, split and clean every corpus of the dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.preparation import SplitSource, prepare_corpora
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    prepare_corpora(
        sources=[SplitSource(**source) for source in snakemake.params.sources],
        folder=Path(snakemake.params.folder),
        pivot=snakemake.params.pivot,
        max_pairs=snakemake.params.max_pairs,
        cleaning=Cleaning(**snakemake.params.cleaning),
        seed=snakemake.params.seed,
        out=Path(snakemake.output.report).parent,
    )
