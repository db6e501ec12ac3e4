"""Count the activations of every neuron of a model on each direction."""

from pathlib import Path

from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    counts = record_activations(
        checkpoint=Path(snakemake.input.checkpoint),
        data=Path(snakemake.input.data[0]),
        directions=snakemake.params.directions,
        settings=RecordingSettings(
            **snakemake.params.recording, untrained=snakemake.params.untrained
        ),
        device=snakemake.params.device,
        processes=max(1, snakemake.resources.get("gpu", 1)),
    )
    counts.save(Path(snakemake.output.counts))
