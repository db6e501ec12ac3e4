"""What each system cost (Table 4): parameters, time, memory, speed."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.efficiency import (
    COST_NOTES,
    cost_text,
    efficiency_row,
    speed_text,
)
from neuron_specialization.tables.score_tables import read_parameters
from neuron_specialization.tables.writers import write_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    dataset = Path(output.csv).parents[1]
    parameters = read_parameters(Path(inputs.parameters))
    rows = []
    for system in snakemake.params.systems:
        name, parent = system["system"], system["parent"]
        jobs = snakemake.params.jobs[name]
        files = {
            kind: [dataset / "benchmarks" / f"{job}.jsonl" for job in of_kind]
            for kind, of_kind in jobs.items()
        }
        files["logs"] = [dataset / "logs" / f"{job}.log" for job in jobs["training"]]
        files["stored"] = [Path(path) for path in inputs[f"stored_{name}"]]
        files["translated"] = [
            path
            for folder in inputs[f"translated_{name}"]
            for path in sorted(Path(folder).iterdir())
        ]
        added = float("nan")
        if parent:
            added = 100 * parameters["added"][name] / parameters["total"][parent]
        rows.append(efficiency_row(system, files, added))
    table = pd.DataFrame(rows)
    write_text(Path(output.csv), table.to_csv(index=False, lineterminator="\n"))
    texts = [cost_text(table), speed_text(table)]
    write_texts(texts, output, title="Efficiency (Table 4)", footer=COST_NOTES)
