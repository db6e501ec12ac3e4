"""Train bilingual models by fairseq, one after the other."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.vocabulary import vocabulary_folder
from neuron_specialization.fairseq_plugin.training import train, training_digest
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import Architecture, Training, processes_of
from neuron_specialization.workflow.work_folders import claim

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def train_direction(direction: str, work: Path) -> None:
    """Train the model of one direction, unless a killed job had done so."""
    params = snakemake.params
    published = work / f"{direction}.pt"
    if published.is_file():
        shutil.rmtree(work / direction, ignore_errors=True)
        return
    training = Training(
        data=vocabulary_folder(snakemake.input.data, direction),
        directions=[direction],
        save_dir=work / direction,
        tensorboard=work.with_name("tensorboard") / direction,
        seed=params.seed,
        device=params.device,
        language_tags=False,
        **processes_of(snakemake.resources),
    )
    train(Architecture(**params.architecture), training, published)


with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    settings = [snakemake.wildcards.scatteritem, *snakemake.params.items()]
    # what a killed job had finished is kept, unless it was made by other code
    digest = training_digest(settings, snakemake.input.data, snakemake.input.code)
    work = folder.with_name(f"work-{digest}")
    with claim(work, folder) as unfinished:
        if unfinished:
            work.mkdir(exist_ok=True)
            for direction in snakemake.params.directions:
                train_direction(direction, work)
            work.rename(folder)
