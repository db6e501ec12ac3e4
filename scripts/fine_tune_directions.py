"""Fine-tune a model on each of some directions, and prune each result to a weight mask."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.training import find_all_weights, training_digest
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import Architecture, Training, processes_of
from neuron_specialization.workflow.work_folders import lock_work_folder

with log_to(snakemake.log[0]):
    inputs, params, masks = snakemake.input, snakemake.params, Path(snakemake.output.masks)
    settings = [snakemake.wildcards.scatteritem, *params.items()]
    # models that a killed job finished are kept, unless the code has changed since
    digest = training_digest(settings, inputs.data, [*inputs.parent, *inputs.code])
    work = masks.with_name(f"work-{digest}")
    trainings = [
        Training(
            data=Path(inputs.data[0]),
            directions=[direction],
            save_dir=work / direction,
            tensorboard=work.with_name("tensorboard") / direction,
            seed=params.seed,
            device=params.device,
            tokenisers=params.tokenisers,
            parent=Path(inputs.parent[0]),
            **processes_of(snakemake.resources),
        )
        for direction in params.directions
    ]
    with lock_work_folder(work, masks) as unfinished:
        if unfinished:
            find_all_weights(
                Architecture(**params.architecture),
                trainings,
                pruning=params.pruning,
                output_projection=params.output_projection,
                work=work,
                masks=masks,
            )
