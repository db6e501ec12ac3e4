"""Fine-tune a model on some directions, one after the other, and prune each to its weights."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.fairseq_plugin.training import find_weights, training_digest
from neuron_specialization.logs import log_to
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.settings.training import Architecture, Training, processes_of
from neuron_specialization.workflow.work_folders import claim

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def masks_of_direction(direction: str, work: Path) -> Path:
    """Find the weights of one direction, unless a killed job had done so; returns their file."""
    inputs, params = snakemake.input, snakemake.params
    masks = work / f"{direction}.npz"
    if not masks.is_file():
        training = Training(
            data=Path(inputs.data[0]),
            directions=[direction],
            save_dir=work / direction,
            tensorboard=work.with_name("tensorboard") / direction,
            seed=params.seed,
            device=params.device,
            parent=Path(inputs.parent[0]),
            **processes_of(snakemake.resources),
        )
        find_weights(
            Architecture(**params.architecture),
            training,
            pruning=params.pruning,
            output_projection=params.output_projection,
            masks=masks,
        )
    return masks


with log_to(snakemake.log[0]):
    output = Path(snakemake.output.masks)
    inputs = snakemake.input
    settings = [snakemake.wildcards.scatteritem, *snakemake.params.items()]
    # what a killed job had finished is kept, unless it was made by other code
    digest = training_digest(settings, inputs.data, [*inputs.parent, *inputs.code])
    work = output.with_name(f"work-{digest}")
    with claim(work, output) as unfinished:
        if unfinished:
            work.mkdir(exist_ok=True)
            parts = [masks_of_direction(pair, work) for pair in snakemake.params.directions]
            WeightMasks.join([WeightMasks.load(part) for part in parts]).save(output)
            shutil.rmtree(work)
