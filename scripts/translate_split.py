"""Translate a test split in all directions of a system."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.vocabulary import vocabulary_folder
from neuron_specialization.fairseq_plugin.decoding import translate_split
from neuron_specialization.logs import log_to
from neuron_specialization.parallel import device_of, map_processes, share_out
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def group_directions(
    models: list[str], directions: list[str], processes: int
) -> list[list[tuple[Path, list[str]]]]:
    """The checkpoints of each process, with the directions that it translates with each.

    The directions of an only model are shared out, or the bilingual models of one direction each.
    """
    if Path(models[0]).is_file():
        return [[(Path(models[0]), share)] for share in share_out(directions, processes)]
    checkpoints = {path.stem: path for folder in models for path in Path(folder).glob("*.pt")}
    bilingual = [(checkpoints[direction], [direction]) for direction in directions]
    return share_out(bilingual, processes)


def translate_share(share: tuple[int, list[tuple[Path, list[str]]]]) -> None:
    """Translate what is one process's to do."""
    process, groups = share
    inputs, params = snakemake.input, snakemake.params
    for checkpoint, directions in groups:
        translate_split(
            checkpoint=checkpoint,
            files=DirectionFiles.from_inputs(inputs.masks, inputs.weight_masks, inputs.base),
            data=vocabulary_folder(inputs.data, directions[0]),
            split=snakemake.wildcards.split,
            vocabulary=vocabulary_folder(inputs.vocabularies, directions[0]),
            settings=DecodingSettings(**params.decoding),
            outputs={direction: folder / f"{direction}.txt" for direction in directions},
            device=device_of(params.device, process),
        )


with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    folder.mkdir(parents=True)
    processes = max(1, snakemake.resources.get("gpu", 1))
    shares = group_directions(snakemake.input.models, snakemake.params.directions, processes)
    map_processes(translate_share, enumerate(shares), len(shares))
