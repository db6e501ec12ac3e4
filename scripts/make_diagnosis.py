"""Make the diagnosis: could this run have shown the effect?"""

from pathlib import Path

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.diagnosis import ROLES, ROLES_WITH_CURVE, DiagnosisLimits
from neuron_specialization.tables.curves import Curve, read_curves
from neuron_specialization.tables.diagnosis import (
    DiagnosisSettings,
    Evidence,
    describe_diagnosis,
    diagnose,
)
from neuron_specialization.tables.setup_tables import write_setup_table


def paths(kind: str) -> list[Path]:
    """Return the input files of a kind."""
    return [Path(path) for path in getattr(snakemake.input, kind)]


def curves_of(role: str) -> list[Curve]:
    """Read the validations of a role's system, of each seed."""
    found = paths(f"curves_{role}")
    runs = [(role, number) for number, _ in enumerate(found)]
    return read_curves(runs, found, {role: role}, {role: ""})


with log_to(snakemake.log[0]):
    given = snakemake.params.settings
    settings = DiagnosisSettings(**given | {"limits": DiagnosisLimits(**given["limits"])})
    test_numbers = ["score", "other_score", "p_value", "low", "high"]
    evidence = Evidence(
        curves={role: curves_of(role) for role in ROLES_WITH_CURVE},
        counts=[with_pivot(Counts.load(path), settings.pivot) for path in paths("counts")],
        masks=[with_pivot(Masks.load(path), settings.pivot) for path in paths("masks")],
        scores={role: [read_scores(path) for path in paths(f"scores_{role}")] for role in ROLES},
        tests=[
            table[table["role"] == "control"]
            for table in (read_table(path, test_numbers) for path in paths("tests"))
        ],
    )
    table = describe_diagnosis(diagnose(evidence, settings), settings)
    write_setup_table(table, snakemake.output)
