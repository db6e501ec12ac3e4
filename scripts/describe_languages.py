"""The languages of the dataset (Table 5)."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.setup_tables import language_table, language_text
from neuron_specialization.tables.writers import write_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def training_pairs() -> dict[str, int]:
    """Pairs that each language is trained on, where a report of the corpora is there."""
    if not snakemake.input.report:
        return {}
    report = pd.read_csv(snakemake.input.report, sep="\t")
    train = report[report["split"] == "train"]
    codes = [pair.removeprefix(f"{snakemake.params.pivot}-") for pair in train["pair"]]
    return dict(zip(codes, train["kept"].tolist(), strict=True))


with log_to(snakemake.log[0]):
    output = snakemake.output
    table = language_table(snakemake.params.languages, training_pairs())
    write_text(Path(output.csv), table.to_csv(index=False, lineterminator="\n"))
    title = f"Languages of {snakemake.params.dataset} (Table 5)"
    write_texts([language_text(table)], output, title=title, footer=[])
