"""Choose the sentences that the language identifier learns from; measure it on a test split."""

from pathlib import Path

from neuron_specialization.evaluation.language_identifier import (
    LanguageIdentifier,
    measure_accuracy,
    prepared_sentences,
    write_training,
)
from neuron_specialization.logs import log_to
from neuron_specialization.tables.off_target import accuracy_table
from neuron_specialization.tables.setup_tables import write_setup_table

with log_to(snakemake.log[0]):
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    training, held_out = prepared_sentences(
        map(Path, inputs.text), map(Path, inputs.held_out), moses=params.moses
    )
    accuracy = measure_accuracy(LanguageIdentifier(training), held_out)
    table = accuracy_table(accuracy, params.dataset, snakemake.wildcards.split)
    write_setup_table(table, output)
    write_training(Path(output.training), training)
