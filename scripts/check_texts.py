"""Check the prepared text of all splits and pairs."""

from pathlib import Path

from neuron_specialization.corpora.text_checks import check_texts, write_checks
from neuron_specialization.logs import log_to, warn

with log_to(snakemake.log[0]):
    folder = Path(snakemake.input.corpora[0]).parent
    texts = {
        pair: {
            split: tuple(folder / f"{split}.{pair}.{language}" for language in pair.split("-"))
            for split in snakemake.params.splits
        }
        for pair in snakemake.params.pairs
    }
    checked = check_texts(texts, snakemake.threads)
    for text, warnings in checked:
        for warning in warnings:
            warn(f"split {text.split!r}, pair {text.pair!r}: {warning}")
    write_checks(checked, Path(snakemake.output.checks))
