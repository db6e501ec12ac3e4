"""Translate a test split in all directions of a system."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.decoding import translate_system
from neuron_specialization.logs import log_to
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles

with log_to(snakemake.log[0]):
    inputs, params, folder = snakemake.input, snakemake.params, Path(snakemake.output.folder)
    folder.mkdir(parents=True)
    translate_system(
        inputs.models,
        params.directions,
        folder,
        files=DirectionFiles.from_inputs(inputs.masks, inputs.weight_masks, inputs.base),
        data=inputs.data,
        split=snakemake.wildcards.split,
        vocabularies=inputs.vocabularies,
        settings=DecodingSettings(**params.decoding),
        device=params.device,
        processes=max(1, snakemake.resources.get("gpu", 1)),
    )
