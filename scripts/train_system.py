"""Train one system by fairseq and publish its best checkpoint."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.training import train, training_digest
from neuron_specialization.files import single_or_none
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import (
    Adapters,
    Architecture,
    DirectionFiles,
    Training,
    processes_of,
)
from neuron_specialization.workflow.work_folders import lock_work_folder

with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    published = Path(snakemake.output.checkpoint)
    # a killed job resumes; other settings or inputs have another work folder
    read = (*inputs.parent, *inputs.base, *inputs.masks, *inputs.weight_masks)
    work = published.with_name(f"work-{training_digest(list(params.items()), inputs.data, read)}")
    training = Training(
        data=Path(inputs.data[0]),
        directions=params.directions,
        save_dir=work,
        tensorboard=published.with_name("tensorboard"),
        seed=params.seed,
        device=params.device,
        tokenisers=params.tokenisers,
        parent=single_or_none(inputs.parent),
        files=DirectionFiles.from_inputs(inputs.masks, inputs.weight_masks, inputs.base),
        adapters=Adapters(**params.adapters) if params.adapters else None,
        **processes_of(snakemake.resources),
    )
    with lock_work_folder(work, published) as unfinished:
        if unfinished:
            train(Architecture(**params.architecture), training, published)
