"""Score every direction of a system, and keep the statistics of its sentences."""

from pathlib import Path

from neuron_specialization.evaluation.scoring import ScoringSettings, score_outputs, write_scores
from neuron_specialization.logs import log_to
from neuron_specialization.settings.bleu import BleuTokenisers

with log_to(snakemake.log[0]):
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    settings = ScoringSettings(
        split=snakemake.wildcards.split,
        metrics=params.metrics,
        tokenisers=BleuTokenisers(**params.bleu),
    )
    scores = score_outputs(Path(inputs.outputs), params.directions, settings, snakemake.threads)
    write_scores(
        scores,
        sentences=Path(output.sentences),
        corpus=Path(output.scores),
        appended=tuple(map(Path, inputs.appended)),
    )
