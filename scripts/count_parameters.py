"""Count the parameters of every system."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.fairseq_plugin.parameters import count_parameters
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.settings.training import Adapters, Architecture
from neuron_specialization.tables.text_tables import parameter_text
from neuron_specialization.tables.writers import write_texts

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


def known_system(system: dict) -> dict:
    """One row: what is said of an imported system."""
    return {**system, "models": 1, "trainable": system["total"]}


with log_to(snakemake.log[0]):
    systems = [*snakemake.params.systems, *snakemake.params.imported]
    rows = [*map(count_system, snakemake.params.systems)]
    rows += [*map(known_system, snakemake.params.imported)]
    columns = ["system", "label", "models", "total", "trainable"]
    table = pd.DataFrame(rows, columns=columns).set_index("system")
    # an imported system's may be unknown
    table = table.astype(dict.fromkeys(["total", "trainable"], "Int64"))
    total = table["total"]
    table["added"] = [total[s["system"]] - total[s["parent"] or s["system"]] for s in systems]
    table["added"] = table["added"].astype("Int64")
    output = snakemake.output
    write_text(Path(output.csv), table.to_csv(lineterminator="\n"))
    write_texts([parameter_text(table)], output, title="Parameters", footer=[])
