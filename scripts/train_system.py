"""Train one system by fairseq and publish its best checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.fairseq_plugin.training import train, training_digest
from neuron_specialization.flags import Architecture, Training, training_flags
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def only(paths: list[str]) -> Path | None:
    """The one path of an optional input, or none."""
    return Path(paths[0]) if paths else None


with log_to(snakemake.log[0]):
    published = Path(snakemake.output.checkpoint)
    parent, masks = only(snakemake.input.parent), only(snakemake.input.masks)
    data = Path(snakemake.input.data)
    # a killed job resumes; a job with other settings or inputs starts in a folder of its own
    digest = training_digest(list(snakemake.params.items()), data, parent, masks)
    work_folder = published.with_name(f"work-{digest}")
    training = Training(
        data=data,
        directions=snakemake.params.directions,
        save_dir=work_folder,
        tensorboard=published.with_name("tensorboard"),
        seed=snakemake.params.seed,
        device=snakemake.params.device,
        parent=parent,
        masks=masks,
    )
    train(
        training_flags(Architecture(**snakemake.params.architecture), training),
        parent=parent,
        work_folder=work_folder,
        published=published,
    )
