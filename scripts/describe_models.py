"""The settings of the models, with the parameters that were counted (Table 6)."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.score_tables import read_parameters
from neuron_specialization.tables.setup_tables import model_table, model_text
from neuron_specialization.tables.writers import write_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    output = snakemake.output
    parameters = read_parameters(Path(snakemake.input.parameters))
    table = model_table(snakemake.params.systems, parameters)
    write_text(Path(output.csv), table.to_csv(index=False, lineterminator="\n"))
    title = f"Models on {snakemake.params.dataset} (Table 6)"
    write_texts([model_text(table)], output, title=title, footer=[])
