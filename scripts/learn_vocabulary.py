"""Learn a SentencePiece model for all languages or for each side of a pair, or take a given one."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_joint, learn_sides
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    folder, params = Path(snakemake.output.folder), snakemake.params
    folder.mkdir(parents=True)
    given = {name: Path(path) for name, path in params.given.items()}
    files = list(map(Path, snakemake.input.corpora))
    if given:
        use_vocabulary(given.get("model"), given.get("dictionary"), params.languages, folder)
    elif snakemake.wildcards.vocabulary == "joint":
        settings = VocabularySettings(**params.settings, seed=params.seed)
        learn_joint(files, params.languages, settings, folder)
    else:
        learn_sides(files, VocabularySettings(**params.settings, seed=params.seed), folder)
