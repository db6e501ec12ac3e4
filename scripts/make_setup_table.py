"""Make a table of the set-up: CSV, Markdown, LaTeX and HTML."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.logs import log_to
from neuron_specialization.tables.curves import describe_curves, read_curves
from neuron_specialization.tables.efficiency import describe_efficiency
from neuron_specialization.tables.setup_tables import (
    SetupTable,
    describe_languages,
    describe_models,
    read_parameters,
    read_sizes,
    write_setup_table,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def make(name: str) -> SetupTable:
    """The table of a name, from the inputs and parameters that its rule gives."""
    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    match name:
        case "parameters":
            # fairseq is not in the environment of the other tables
            from neuron_specialization.tables.parameters import describe_parameters

            return describe_parameters(params.systems, params.imported)
        case "table4":
            parameters, dataset = read_parameters(Path(inputs.parameters)), Path(output.csv)
            return describe_efficiency(
                params.systems, params.jobs, inputs, parameters, dataset.parents[1]
            )
        case "table5":
            sizes = read_sizes(Path(inputs.report)) if inputs.report else {}
            return describe_languages(params.languages, sizes, params.dataset)
        case "table6":
            parameters = read_parameters(Path(inputs.parameters))
            return describe_models(params.systems, parameters, params.dataset)
        case "trainings":
            curves = read_curves(params.trainings, inputs.curves, params.labels, params.parents)
            return describe_curves(curves, params.dataset)
        case _:
            raise ValueError(f"no table of the set-up is called {name}")


with log_to(snakemake.log[0]):
    name = snakemake.wildcards.get("table") or Path(snakemake.output.csv).stem
    write_setup_table(make(name), snakemake.output)
