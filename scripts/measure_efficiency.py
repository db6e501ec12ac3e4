"""What each system cost (Table 4): parameters, time, memory, speed."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.analysis.efficiency import (
    COST_NOTES,
    cost_text,
    efficiency_row,
    speed_text,
)
from neuron_specialization.analysis.writers import write_texts
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

KINDS = ("finding", "stored", "training", "logs", "decoding", "translated")

with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    parameters = pd.read_csv(inputs.parameters, index_col="system")
    rows = []
    for system in snakemake.params.systems:
        name, parent = system["system"], system["parent"]
        files = {kind: [Path(path) for path in inputs[f"{kind}_{name}"]] for kind in KINDS}
        files["translated"] = [
            path for folder in files["translated"] for path in sorted(folder.iterdir())
        ]
        added = float("nan")
        if parent:
            added = 100 * parameters["added"][name] / parameters["total"][parent]
        rows.append(efficiency_row(system, files, added))
    table = pd.DataFrame(rows)
    write_text(Path(output.csv), table.to_csv(index=False, lineterminator="\n"))
    texts = [cost_text(table), speed_text(table)]
    write_texts(texts, output, title="Efficiency (Table 4)", footer=COST_NOTES)
