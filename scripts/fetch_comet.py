"""Fetch the COMET model and its encoder into the cache of the model hub."""

from pathlib import Path

from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.comet_system import fetch_comet
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    settings = CometSettings(**snakemake.params.comet, device="cpu")
    fetch_comet(settings)
    write_text(Path(snakemake.output.fetched), f"{settings.model} is in the hub's cache\n")
