"""Make a table of the set-up: CSV, Markdown, LaTeX and HTML."""

from pathlib import Path

from neuron_specialization.corpora.report import read_report
from neuron_specialization.logs import log_to
from neuron_specialization.tables.curves import describe_curves, read_curves
from neuron_specialization.tables.efficiency import describe_efficiency
from neuron_specialization.tables.setup_tables import (
    SetupTable,
    describe_languages,
    describe_models,
    read_parameters,
    write_setup_table,
)


def make(name: str) -> SetupTable:
    """Return the named table, made from the inputs and settings of the rule."""
    inputs, settings = snakemake.input, dict(snakemake.params.settings)
    match name:
        case "parameters":
            # fairseq is not in the environment of the other tables
            from neuron_specialization.tables.parameters import describe_parameters

            return describe_parameters(**settings)
        case "table4":
            folder = Path(snakemake.output.csv).parents[1]
            parameters = read_parameters(Path(inputs.parameters[0]))
            return describe_efficiency(
                **settings, inputs=inputs, parameters=parameters, folder=folder
            )
        case "table5":
            report = [row for path in inputs.report for row in read_report(Path(path))]
            return describe_languages(**settings, report=report)
        case "table6":
            parameters = read_parameters(Path(inputs.parameters[0]))
            return describe_models(**settings, parameters=parameters)
        case "trainings":
            dataset = settings.pop("dataset")
            return describe_curves(read_curves(paths=inputs.curves, **settings), dataset)
        case _:
            raise ValueError(f"no table of the set-up is called {name}")


with log_to(snakemake.log[0]):
    write_setup_table(make(snakemake.wildcards.table), snakemake.output)
