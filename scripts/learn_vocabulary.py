"""Learn the SentencePiece model of the dataset and write its fairseq dictionary."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_vocabulary
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    files = [Path(path) for path in snakemake.input.corpora]
    learn_vocabulary(
        corpora=list(zip(files[::2], files[1::2], strict=True)),
        languages=snakemake.params.languages,
        settings=VocabularySettings(**snakemake.params.settings, seed=snakemake.params.seed),
        model=Path(snakemake.output.model),
        dictionary=Path(snakemake.output.dictionary),
    )
