"""Use an existing SentencePiece model and dictionary."""

from pathlib import Path

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.corpora.huggingface_vocabulary import use_folder_vocabulary
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params, folder = snakemake.params, Path(snakemake.output.folder)
    given = {name: Path(path) for name, path in params.given.items()}
    if "folder" in given:
        use_folder_vocabulary(given["folder"], params.codes, folder)
    else:
        use_vocabulary(given.get("model"), given.get("dictionary"), params.languages, folder)
