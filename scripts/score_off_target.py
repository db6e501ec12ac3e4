"""Compute the off-target rate of a system, and the languages of its hypotheses."""

from pathlib import Path

from neuron_specialization.evaluation.language_identifier import LanguageIdentifier, read_training
from neuron_specialization.evaluation.off_target import score_off_target
from neuron_specialization.evaluation.scoring import write_scores
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    scores, languages = score_off_target(
        Path(inputs.outputs),
        snakemake.params.directions,
        snakemake.wildcards.split,
        LanguageIdentifier(read_training(Path(inputs.training))),
    )
    write_text(Path(output.languages), languages.to_csv(index=False, lineterminator="\n"))
    write_scores(scores, sentences=Path(output.sentences), corpus=Path(output.scores))
