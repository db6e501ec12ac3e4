"""The effect that tells whether a gain goes with interference, direction by direction.

Axes: D directions, P permutations of the directions.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from neuron_specialization.evaluation.metrics import LOWER_IS_BETTER
from neuron_specialization.neurons.statistics import (
    PERMUTATIONS,
    permute,
    share_of_permutations,
)
from neuron_specialization.settings.claims import BASELINE, Claim
from neuron_specialization.tables.findings import ClaimSettings, Evidence, Finding, over_seeds

FEWEST = 5
"""Directions of which the best order has p < 0.05, two-sided."""


def measure_interference(
    claim: Claim, metric: str, settings: ClaimSettings, evidence: Evidence
) -> Finding:
    """Measure the rank correlation of a row's gain with what the baseline loses by sharing.

    Interference is the score of a direction's bilingual model minus the baseline's score; the gain
    is the score of `claim.row` minus the score of `claim.against`. p is two-sided, by permutations.
    """
    finding = Finding(claim=claim, metric=metric, unit="rank correlation")
    for role in (claim.row, claim.against):
        if not settings.roles.get(role):
            return replace(finding, lacking=f"no {role}")
    bilingual = evidence.bilingual.query("metric == @metric").set_index("pair")["score"]
    (row,) = settings.roles[claim.row]
    tests = evidence.tests[(evidence.tests["system"] == row) & (evidence.tests["metric"] == metric)]
    tests = tests[tests["pair"].isin(bilingual.index)]  # neither means nor other directions
    found = [
        _correlate(of_seed, bilingual, settings, claim, metric)
        for _, of_seed in tests.groupby("seed")
    ]
    if not found or any(number < FEWEST for _, _, number in found):
        return replace(finding, lacking=f"fewer than {FEWEST} directions with a bilingual model")
    p_value = max(p for _, p, _ in found)
    by_seed = [rho for rho, _, _ in found]
    if len(by_seed) == 1:
        return replace(finding, effect=by_seed[0], p_value=p_value)
    return over_seeds(finding, by_seed, p_value)


def _correlate(
    tests: pd.DataFrame, bilingual: pd.Series, settings: ClaimSettings, claim: Claim, metric: str
) -> tuple[float, float, int]:
    """Return the correlation in one seed, its p, and the number of directions."""
    baseline, against = (
        tests[tests["other"].isin(settings.roles[role])].set_index("pair")
        for role in (BASELINE, claim.against)
    )
    gain = against["score"] - against["other_score"]
    interference = bilingual - baseline["other_score"]
    both = pd.DataFrame({"gain": gain, "interference": interference}).dropna()
    # of metrics where lower is better, both have the other sign, which leaves the correlation
    sign = -1 if metric in LOWER_IS_BETTER else 1
    gain_D, interference_D = (sign * both[name].to_numpy() for name in ("gain", "interference"))
    return *rank_correlation(gain_D, interference_D, settings.seed), len(both)


def rank_correlation(
    one_D: NDArray[np.float64], other_D: NDArray[np.float64], seed: int
) -> tuple[float, float]:
    """Return Spearman's correlation and its two-sided p by permutations; nan without variation."""
    if not (len(one_D) and np.ptp(one_D) and np.ptp(other_D)):
        return np.nan, np.nan
    one_D, other_D = (
        (rank_D - rank_D.mean()) / np.linalg.norm(rank_D - rank_D.mean())
        for rank_D in (rankdata(one_D), rankdata(other_D))
    )
    rho = float(one_D @ other_D)
    rho_P = other_D[permute(len(one_D), PERMUTATIONS, seed)] @ one_D
    return rho, share_of_permutations(np.abs(rho_P), abs(rho))
