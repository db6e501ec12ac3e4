"""Learn a SentencePiece model for all languages, or one for each side of a pair."""

from pathlib import Path

from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_joint, learn_sides
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    folder, params = Path(snakemake.output.folder), snakemake.params
    folder.mkdir(parents=True)
    files = list(map(Path, snakemake.input.corpora))
    settings = VocabularySettings(**params.settings, seed=params.seed)
    if snakemake.wildcards.vocabulary == "joint":
        learn_joint(files, params.languages, settings, folder)
    else:
        learn_sides(files, settings, folder)
