"""Fetch the files of a corpus, from a mirror or from the internet."""

import os
import sys
from pathlib import Path

from neuron_specialization.corpora.fetching import fetch_corpus
from neuron_specialization.corpora.sources import read_sources
from neuron_specialization.logs import log_to

# progress and licences go to the terminal, everything else to the log
terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
with log_to(snakemake.log[0]):
    params, corpus = snakemake.params, snakemake.wildcards.corpus
    sources = read_sources(Path(params.sources), Path(params.schema))
    fetch_corpus(
        sources[corpus],
        Path(snakemake.output.fetched).parents[1],
        os.environ["NEURON_SPECIALIZATION_MIRROR"],
        terminal=terminal,
    )
