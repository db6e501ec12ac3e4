"""Count the parameters of every system."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.analysis.writers import write_parameters
from neuron_specialization.fairseq_plugin.parameters import count_parameters
from neuron_specialization.files import write_text
from neuron_specialization.flags import Adapters, Architecture
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def count_system(system: dict) -> dict:
    """One row: the parameters of all models of a system."""
    size = count_parameters(
        Architecture(**system["architecture"]),
        system["dictionaries"],
        Adapters(**system["adapters"]) if system["adapters"] else None,
    )
    return {
        "system": system["system"],
        "label": system["label"],
        "models": system["models"],
        "total": system["models"] * size.total,
        "trainable": system["models"] * size.trainable,
    }


with log_to(snakemake.log[0]):
    systems = snakemake.params.systems
    table = pd.DataFrame([count_system(system) for system in systems]).set_index("system")
    total = table["total"]
    table["added"] = [total[s["system"]] - total[s["parent"] or s["system"]] for s in systems]
    write_text(Path(snakemake.output.csv), table.to_csv(lineterminator="\n"))
    write_parameters(table, Path(snakemake.output.markdown))
