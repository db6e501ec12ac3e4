"""Judge the paper's claims by this run: CSV, Markdown, LaTeX and HTML."""

from math import nan
from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.claims import read_claims
from neuron_specialization.tables.claims import describe_claims
from neuron_specialization.tables.claims_of_scores import find_effects
from neuron_specialization.tables.efficiency import read_job
from neuron_specialization.tables.findings import ClaimSettings, Evidence
from neuron_specialization.tables.paper_values import read_paper_values
from neuron_specialization.tables.setup_tables import read_parameters, write_setup_table


def read_tests() -> pd.DataFrame:
    """Read the paired tests of the claimed systems, in all seeds."""
    numbers = ["score", "other_score", "low", "high", "p_value"]
    frames = [
        read_table(Path(path), numbers).assign(system=system, seed=seed)
        for (system, seed), path in zip(params.settings["runs"], inputs.tests, strict=True)
    ]
    table = pd.concat(frames, ignore_index=True)
    return table.assign(cell=table["cell"].fillna("") if "cell" in table else "")


def read_bilingual() -> pd.DataFrame:
    """Read the scores of bilingual models: `pair`, `metric`, `score`, the mean of seeds."""
    frames = [read_scores(Path(path)) for path in inputs.bilingual]
    columns = ["pair", "metric", "score"]
    table = pd.concat([frame[columns] for frame in frames] or [pd.DataFrame(columns=columns)])
    return table.groupby(["pair", "metric"], as_index=False)["score"].mean()


def read_seconds() -> dict[str, float]:
    """Read the time to find the sub-networks of each role, nan if a record is gone."""
    records = Path(snakemake.output.csv).parents[1] / "benchmarks"
    found = {
        role: sum(read_job(records / f"{job}.jsonl")[0] for job in jobs)
        for role, jobs in params.settings["jobs"].items()
    }
    return {"lass": nan, **found}


with log_to(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    settings = ClaimSettings(**params.settings["claims"])
    evidence = Evidence(
        tests=read_tests(),
        bilingual=read_bilingual(),
        counts=[with_pivot(Counts.load(Path(path)), settings.pivot) for path in inputs.counts],
        parameters=read_parameters(Path(inputs.parameters[0])),
        seconds=read_seconds(),
        paper=read_paper_values(Path(inputs.paper[0])),
    )
    claims = read_claims(Path(inputs.claims[0]), Path(params.schema))
    table = describe_claims(
        find_effects(claims, settings, evidence),
        read_table(Path(inputs.diagnosis[0]), []),
        dataset=settings.dataset,
        level=settings.level,
    )
    write_setup_table(table, snakemake.output)
