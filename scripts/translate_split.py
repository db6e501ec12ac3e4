"""Translate a test split in all directions of a system."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.vocabulary import vocabulary_folder
from neuron_specialization.fairseq_plugin.decoding import DecodingSettings, translate_split
from neuron_specialization.flags import DirectionFiles
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def group_directions(models: list[str], directions: list[str]) -> dict[Path, list[str]]:
    """The directions of each checkpoint: all of the only one, or one of each bilingual model."""
    if Path(models[0]).is_file():
        return {Path(models[0]): directions}
    checkpoints = {path.stem: path for folder in models for path in Path(folder).glob("*.pt")}
    return {checkpoints[direction]: [direction] for direction in directions}


with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    folder = Path(snakemake.output.folder)
    folder.mkdir(parents=True)
    files = DirectionFiles.from_inputs(inputs.masks, inputs.weight_masks, inputs.base)
    for checkpoint, directions in group_directions(inputs.models, params.directions).items():
        translate_split(
            checkpoint=checkpoint,
            files=files,
            data=vocabulary_folder(inputs.data, directions[0]),
            split=snakemake.wildcards.split,
            vocabulary=vocabulary_folder(inputs.vocabularies, directions[0]),
            settings=DecodingSettings(**params.decoding),
            outputs={direction: folder / f"{direction}.txt" for direction in directions},
            device=params.device,
        )
