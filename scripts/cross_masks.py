"""Score the references of each direction through the masks of the others of its side."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.cross_masks import cross_masks
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.cross_masks import cross_mask_table, masks_of_sides

with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    totals = cross_masks(
        Path(inputs.models[0]),
        masks_of_sides(params.directions, params.pivot),
        masks=Path(inputs.masks),
        data=Path(inputs.data[0]),
        split=params.split,
        sentences=params.sentences,
        device=params.device,
        processes=max(1, snakemake.resources.get("gpu", 1)),
    )
    table = cross_mask_table(totals, params.pivot)
    write_text(Path(snakemake.output.csv), table.to_csv(index=False, lineterminator="\n"))
