"""Read, split, clean and tokenise every corpus of the dataset."""

from pathlib import Path

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import read_split
from neuron_specialization.corpora.preparation import prepare_corpora
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params = snakemake.params
    folders = {name: Path(folder) for name, folder in params.folders.items()}
    origins = {split["name"]: split["origin"] for split in snakemake.config["corpora"]["splits"]}
    prepare_corpora(
        sources=[
            read_split(split | {"origin": origins[split["name"]]}, folders)
            for split in params.sources
        ],
        codes=params.codes,
        pivot=params.pivot,
        max_pairs=params.max_pairs,
        cleaning=Cleaning(**params.cleaning),
        seed=params.seed,
        out=Path(snakemake.output.report).parent,
        raw=params.raw,
        processes=snakemake.threads,
    )
