"""Translate a test split in all directions of a system."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.fairseq_plugin.decoding import DecodingSettings, translate_split
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    folder.mkdir()
    translate_split(
        checkpoint=Path(snakemake.input.checkpoint),
        masks=Path(snakemake.input.masks[0]) if snakemake.input.masks else None,
        data=Path(snakemake.input.data),
        split=snakemake.wildcards.split,
        vocabulary=Path(snakemake.input.vocabulary),
        settings=DecodingSettings(**snakemake.params.decoding),
        outputs={pair: folder / f"{pair}.txt" for pair in snakemake.params.directions},
        device=snakemake.params.device,
    )
