"""Compute the negative log-likelihood of the references in every direction of a system."""

from pathlib import Path

from neuron_specialization.evaluation.likelihood_scores import likelihood_score
from neuron_specialization.evaluation.scoring import note_lengths, write_scores
from neuron_specialization.fairseq_plugin.forced_decoding import score_references
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import DirectionFiles

with log_to(snakemake.log[0]):
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    found = score_references(
        inputs.models,
        params.directions,
        files=DirectionFiles.from_inputs(inputs.masks, inputs.weight_masks, inputs.base),
        data=inputs.data,
        split=snakemake.wildcards.split,
        device=params.device,
        processes=max(1, snakemake.resources.get("gpu", 1)),
    )
    scores = [
        likelihood_score(pair, references.nll_N, references.tokens_N, params.vocabulary)
        for pair, references in found.items()
    ]
    write_scores(note_lengths(scores), sentences=Path(output.sentences), corpus=Path(output.scores))
