"""Select each direction's neurons from the activation counts."""

from pathlib import Path

from neuron_specialization.logs import log_to
from neuron_specialization.neurons.selection import compose_masks, select_masks
from neuron_specialization.neurons.storage import Counts

with log_to(snakemake.log[0]):
    params = snakemake.params
    masks = select_masks(
        Counts.load(Path(snakemake.input.counts[0])),
        directions=params.directions,
        **params.selection,
        seed=params.seed,
    )
    compose_masks(masks, params.zero_shot, params.pivot).save(Path(snakemake.output.masks))
