"""Take a SentencePiece model and dictionary that are given."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    given = {name: Path(path) for name, path in snakemake.params.given.items()}
    use_vocabulary(
        given.get("model"),
        given.get("dictionary"),
        snakemake.params.languages,
        Path(snakemake.output.folder),
    )
