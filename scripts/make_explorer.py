"""Make the explorer, a page that shows the neurons of any layer, k and counting."""

from pathlib import Path

from neuron_specialization.figures.explorer import write_explorer
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.languages import Language

with log_to(snakemake.log[0]):
    params = snakemake.params
    write_explorer(
        with_pivot(Counts.load(Path(snakemake.input.counts)), params.pivot),
        {row["code"]: Language(**row) for row in params.languages},
        path=Path(snakemake.output.html),
        title=params.title,
        pivot=params.pivot,
        k=params.k,
        counting=params.counting,
    )
