"""Select each direction's neurons from the activation counts."""

from pathlib import Path

from neuron_specialization.logs import log_to
from neuron_specialization.neurons.selection import select_masks
from neuron_specialization.neurons.storage import Counts

with log_to(snakemake.log[0]):
    masks = select_masks(
        Counts.load(Path(snakemake.input.counts[0])),
        directions=snakemake.params.directions,
        **snakemake.params.selection,
        seed=snakemake.params.seed,
    )
    masks.save(Path(snakemake.output.masks))
