"""Score every direction of a system with COMET; without a model, the scores state the reason."""

from pathlib import Path

from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.comet_system import score_comet
from neuron_specialization.evaluation.scoring import write_scores
from neuron_specialization.files import single_or_none
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    model = single_or_none(snakemake.input.model) or params.comet["model"]
    scores = score_comet(
        Path(snakemake.input.outputs),
        params.directions,
        snakemake.wildcards.split,
        CometSettings(**{**params.comet, "model": str(model)}, device=params.device),
    )
    write_scores(scores, sentences=Path(output.sentences), corpus=Path(output.scores))
