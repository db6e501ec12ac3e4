"""Turn the corpora into fairseq's binary form."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    folder.mkdir()
    shutil.copy(snakemake.input.dictionary, folder / "dict.txt")
    binarise_corpora(
        [Path(path) for path in snakemake.input.corpora], Path(snakemake.input.model), folder
    )
