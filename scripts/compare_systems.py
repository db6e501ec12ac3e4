"""Compare the scores of a system with its parent's and the continued baseline's."""

from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.significance import (
    COMPARISON_COLUMNS,
    SignificanceSettings,
    compare_systems,
)
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    settings = SignificanceSettings(
        test=params.significance["test"],
        samples=params.significance.get("samples"),
        seed=params.seed,
    )
    sentences = pd.read_parquet(inputs.sentences)
    tables = []
    for (role, system, _), path in zip(params.comparisons, inputs.others, strict=True):
        tests = compare_systems(
            sentences, pd.read_parquet(path), settings, snakemake.threads, params.cells
        )
        tables.append(tests.assign(role=role, other=system))
    columns = ["role", "other", *COMPARISON_COLUMNS]
    table = pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
    write_text(Path(snakemake.output.tests), table.to_csv(index=False, lineterminator="\n"))
