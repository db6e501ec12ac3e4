"""Draw Figures 1, 2, 5, 6, 7 and 8, and dendrograms."""

from pathlib import Path

from neuron_specialization.figures.neurons import draw_all
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts

with log_to(snakemake.log[0]):
    params, wildcards = snakemake.params, snakemake.wildcards
    counts = with_pivot(Counts.load(Path(snakemake.input.counts)), params.pivot)
    masks = select_all(counts, k=float(wildcards.k), counting=wildcards.counting)
    paths = [Path(path) for path in snakemake.output]
    files = {path.stem: {} for path in paths}
    for path in paths:
        files[path.stem][path.suffix[1:]] = path
    draw_all(Overlap.of(masks, params.pivot), params.families, files)
