"""The effects that judge the paper's claims about scores and costs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan, nan

import pandas as pd

from neuron_specialization.evaluation.metrics import RAW
from neuron_specialization.evaluation.significance import cell_name
from neuron_specialization.settings.claims import PAPER_LABELS, SPECIALIZED, SWEEP, Claim
from neuron_specialization.tables.cells import Cell, average
from neuron_specialization.tables.claims_of_interference import measure_interference
from neuron_specialization.tables.claims_of_neurons import (
    measure_course,
    measure_families,
    measure_pairs,
    measure_sparsity,
)
from neuron_specialization.tables.findings import (
    ClaimSettings,
    Evidence,
    Finding,
    over_seeds,
    t_test,
)
from neuron_specialization.tables.paper_values import PaperValue

PAPER_TABLES = {"bleu": "Table 2", "chrf": "Table 7", "comet": "Table 8"}
BILINGUAL = "bilingual"
PAPER_BILINGUAL = {"bleu": "Table 3"}
UNITS = {"nll": "nat"}


def find_effects(
    claims: Sequence[Claim], settings: ClaimSettings, evidence: Evidence
) -> list[Finding]:
    """Return a finding per claim, or per claim and metric for statistics of scores."""
    found = []
    for claim in claims:
        if measure := _BY_METRIC.get(claim.kind):
            found += [measure(claim, metric, settings, evidence) for metric in settings.metrics]
        else:
            found.append(_OTHERS[claim.kind](claim, settings, evidence))
    return found


# ---- differences of scores ----


def _difference(claim: Claim, metric: str, settings: ClaimSettings, evidence: Evidence) -> Finding:
    finding = Finding(
        claim=claim,
        metric=metric,
        unit=UNITS.get(metric, "point"),
        paper=paper_value(claim, metric, evidence.paper),
    )
    for role in (claim.row, claim.against):
        if not settings.roles.get(role):
            return replace(finding, lacking=f"no {role}")
    if claim.cell not in settings.cells:
        return replace(finding, lacking=f"no cell {claim.cell}")
    cell = settings.cells[claim.cell]
    (row,) = settings.roles[claim.row]
    tests = evidence.tests[(evidence.tests["system"] == row) & (evidence.tests["metric"] == metric)]
    others = [
        _compare(tests[tests["other"] == other], cell, finding)
        for other in settings.roles[claim.against]
    ]
    if any(each.lacking for each in others):
        return next(each for each in others if each.lacking)
    least = min(others, key=lambda each: each.gain)
    # better than all others only if each of them is significantly worse
    return replace(least, p_value=max(e.p_value for e in others)) if least.gain > 0 else least


def _compare(tests: pd.DataFrame, cell: Cell, finding: Finding) -> Finding:
    """Return the finding of a cell from the tests against one other system, of all seeds."""
    pairs = [pair for part in cell for pair in part]
    directions = tests[tests["pair"].isin(pairs)]
    differences = (
        (directions["score"] - directions["other_score"])
        .groupby([directions["seed"], directions["pair"]])
        .first()
        .unstack()
        .reindex(columns=pairs)
        .dropna()
    )
    if differences.empty:
        return replace(finding, lacking=f"no tests in {finding.metric.removesuffix(RAW)}")
    by_seed = [float(average(row, {("", ""): cell}).iloc[0]) for _, row in differences.iterrows()]
    own = directions if len(pairs) == 1 else tests[tests["cell"] == cell_name(cell)]
    known = own[own["seed"].isin(differences.index)]
    if len(known) != len(by_seed) and len(by_seed) == 1:
        return replace(finding, lacking="no test of a mean")
    p_value = known["p_value"].max() if len(known) == len(by_seed) else t_test(by_seed)
    if len(by_seed) == 1:
        row = known.iloc[0]
        return replace(
            finding, effect=by_seed[0], low=row["low"], high=row["high"], p_value=p_value
        )
    return over_seeds(finding, by_seed, p_value)


def paper_value(claim: Claim, metric: str, values: Sequence[PaperValue]) -> float:
    """Return the paper's difference, nan if it prints none."""
    *table, group, side = claim.cell.split()
    if claim.against == SWEEP or not {claim.row, claim.against} <= {*PAPER_LABELS}:
        return nan
    row, against = PAPER_LABELS[claim.row], PAPER_LABELS[claim.against]
    name = (PAPER_BILINGUAL if table else PAPER_TABLES).get(metric)
    block, column = (group, (side, "")) if table else ("", (group, side))
    chosen = {
        (value.system, value.kind): value.printed
        for value in values
        if (value.table, value.metric, value.block) == (name, metric, block)
        and value.column == column
    }
    return paper_difference(chosen, row, against)


def paper_difference(values: Mapping[tuple[str, str], float], row: str, against: str) -> float:
    """Return the paper's difference of two rows in a cell, nan if it lacks one.

    Args:
        values: the printed values of the cell: by the paper's system and kind.
        row: the paper's name of one system.
        against: the other's.
    """
    first = next((name for (name, kind) in values if kind == "absolute"), "")

    def delta(name: str) -> float:
        return 0.0 if name == first else values.get((name, "delta"), nan)

    return delta(row) - delta(against) if first else nan


# ---- costs ----


def _parameters(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    (system,), (baseline,) = settings.roles[SPECIALIZED], settings.roles["baseline"]
    added = evidence.parameters["added"][system] / evidence.parameters["total"][baseline]
    return Finding(claim=claim, unit="per cent", effect=100 * float(added), paper=claim.paper or 0)


def _time(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    finding = Finding(claim=claim, unit="ratio", paper=claim.paper or nan)
    if not settings.roles.get("lass"):
        return replace(finding, lacking="no lass")
    ratio = evidence.seconds[SPECIALIZED] / evidence.seconds["lass"]
    if isnan(ratio):
        return replace(finding, lacking="no records of the jobs")
    return replace(finding, effect=ratio)


_BY_METRIC = {"difference": _difference, "interference": measure_interference}
_OTHERS = {
    "families": measure_families,
    "pairs": measure_pairs,
    "course": measure_course,
    "sparsity": measure_sparsity,
    "parameters": _parameters,
    "time": _time,
}
