"""Train bilingual models by fairseq, one after the other."""

from pathlib import Path

from neuron_specialization.corpora.vocabulary import vocabulary_folder
from neuron_specialization.fairseq_plugin.training import train_bilingual, training_digest
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import Architecture, Training, processes_of
from neuron_specialization.workflow.work_folders import lock_work_folder

with log_to(snakemake.log[0]):
    inputs, params, folder = snakemake.input, snakemake.params, Path(snakemake.output.folder)
    settings = [snakemake.wildcards.scatteritem, *params.items()]
    # models that a killed job finished are kept, unless the code has changed since
    work = folder.with_name(f"work-{training_digest(settings, inputs.data, inputs.code)}")
    trainings = [
        Training(
            data=vocabulary_folder(inputs.data, direction),
            directions=[direction],
            save_dir=work / direction,
            tensorboard=work.with_name("tensorboard") / direction,
            seed=params.seed,
            device=params.device,
            tokenisers=params.tokenisers,
            language_tags=False,
            **processes_of(snakemake.resources),
        )
        for direction in params.directions
    ]
    with lock_work_folder(work, folder) as unfinished:
        if unfinished:
            train_bilingual(Architecture(**params.architecture), trainings, work, folder)
