"""Import a checkpoint that was trained elsewhere."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import Architecture

with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    import_checkpoint(
        Path(params.checkpoint),
        Architecture(**params.architecture),
        data=Path(inputs.data[0]),
        directions=params.directions,
        published=Path(snakemake.output.checkpoint),
        dictionary=Path(params.dictionary) if params.dictionary else None,
        codes=params.codes,
        masks=Path(inputs.masks[0]) if inputs.masks else None,
        trusted=params.trusted,
    )
