"""Read, split, clean and tokenise training and validation text, or a test split."""

from pathlib import Path

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import PACKAGES, read_split
from neuron_specialization.corpora.preparation import prepare_corpora
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    settings = snakemake.params.settings
    folders = {name: Path(folder) for name, folder in settings["folders"].items()}
    if packages := snakemake.input.packages:
        folders[PACKAGES] = Path(packages[0]).parent
    origins = {split["name"]: split["origin"] for split in snakemake.config["corpora"]["splits"]}
    prepare_corpora(
        sources=[
            read_split(split | {"origin": origins[split["name"]]}, folders)
            for split in settings["sources"]
        ],
        codes=settings["codes"],
        pivot=settings["pivot"],
        max_pairs=settings["max_pairs"],
        cleaning=Cleaning(**settings["cleaning"]),
        seed=settings["seed"],
        report=Path(snakemake.output.report),
        raw=settings["raw"],
        processes=snakemake.threads,
    )
