"""Convert a system's outputs to one format: a folder per direction, detokenised text."""

from functools import partial
from pathlib import Path

from neuron_specialization.evaluation.outputs import (
    Corpus,
    copy_direction,
    find_missing,
    postprocess_direction,
)
from neuron_specialization.logs import log_to
from neuron_specialization.parallel import parallel_map

with log_to(snakemake.log[0]):
    inputs, params, split = snakemake.input, snakemake.params, snakemake.wildcards.split
    out = Path(snakemake.output.folder)
    out.mkdir(parents=True)
    directions = params.directions
    if inputs.translations:
        corpus = Corpus(
            folder=Path(inputs.corpora[0]).parent,
            split=split,
            moses=params.moses,
        )
        write = partial(postprocess_direction, Path(inputs.translations[0]), corpus)
    else:
        folder = Path(params.folder)
        missing = find_missing(folder, directions, split)
        print(f"{folder} has nothing of {len(missing)} directions: {' '.join(missing) or '-'}")
        directions = [pair for pair in directions if pair not in missing]
        write = partial(copy_direction, folder, split)
    raw = dict(zip(params.raw, map(Path, inputs.raw), strict=True))
    parallel_map(partial(write, raw, out), directions, snakemake.threads)
