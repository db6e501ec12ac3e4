"""Use an existing SentencePiece model and dictionary."""

from pathlib import Path

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    given = {name: Path(path) for name, path in snakemake.params.given.items()}
    use_vocabulary(
        given.get("model"),
        given.get("dictionary"),
        snakemake.params.languages,
        Path(snakemake.output.folder),
    )
