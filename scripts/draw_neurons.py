"""Draw Figures 1, 2, 5, 6, 7 and 8, and dendrograms."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.figures.neurons import NeuronTables, draw_all, read_layers
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    tables = NeuronTables(
        overlap=read_layers(Path(snakemake.input.overlap)),
        sparsity=read_layers(Path(snakemake.input.sparsity)),
        families=snakemake.params.families,
        pivot=snakemake.params.pivot,
    )
    paths = [Path(path) for path in snakemake.output]
    files = {path.stem: {} for path in paths}
    for path in paths:
        files[path.stem][path.suffix[1:]] = path
    draw_all(tables, files, snakemake.params.heat_maps)
