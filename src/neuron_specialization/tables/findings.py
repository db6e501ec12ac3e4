"""What a claim is judged on: the settings, the evidence of a run, and the effect found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from neuron_specialization.evaluation.metrics import LOWER_IS_BETTER
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.claims import Claim
from neuron_specialization.tables.cells import Cell
from neuron_specialization.tables.comparisons import interval
from neuron_specialization.tables.paper_values import PaperValue


@dataclass(frozen=True, kw_only=True)
class ClaimSettings:
    """What the claims are judged on."""

    dataset: str
    metrics: Sequence[str]
    roles: Mapping[str, Sequence[str]]
    """The systems of each role (`settings.claims.find_claimed`)."""
    cells: Mapping[str, Cell]
    """The directions of the cells that claims name."""
    families: Mapping[str, str]
    """The family of each language but the pivot."""
    pivot: str
    counting: str
    """How the specialized system's neurons are counted."""
    level: float
    seed: int
    """Seed of permutations."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a run left."""

    tests: pd.DataFrame
    """Paired tests of the claimed rows: significance.COMPARISON_COLUMNS, `system`, `other`,
    `seed`."""
    bilingual: pd.DataFrame
    """Scores of bilingual models as large as the baseline, mean of seeds: `pair`, `metric`,
    `score`."""
    counts: Sequence[Counts]
    """Activations of the baseline, by seed."""
    parameters: pd.DataFrame
    """Result of `setup_tables.read_parameters`."""
    seconds: Mapping[str, float]
    """Time to find the sub-networks, by role; nan if unknown."""
    paper: Sequence[PaperValue]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The effect that judges a claim in one metric."""

    claim: Claim
    metric: str = ""
    """"" for a claim about neurons or costs."""
    effect: float = nan
    """nan if the run lacks what it needs."""
    low: float = nan
    high: float = nan
    """Its 95 % interval, nan if there is none."""
    p_value: float = nan
    """nan if the claim is judged without a test."""
    unit: str = "point"
    seeds: int = 1
    paper: float = nan
    lacking: str = ""
    """What the run lacks."""

    @property
    def gain(self) -> float:
        """The effect, positive if it is as claimed."""
        if self.metric in LOWER_IS_BETTER or self.claim.direction == "falls":
            return -self.effect
        return self.effect


def over_seeds(finding: Finding, by_seed: Sequence[float], p_value: float) -> Finding:
    """Return a finding with the mean of several seeds and its interval over them."""
    mean, half_width = interval(by_seed)
    return replace(
        finding,
        effect=mean,
        low=mean - half_width,
        high=mean + half_width,
        p_value=p_value,
        seeds=len(by_seed),
    )


def t_test(values: Sequence[float]) -> float:
    """Return the two-sided p of Student's test that the mean is 0; 1 if it is undefined."""
    if np.ptp(values) == 0:
        return 0.0 if values[0] else 1.0
    p_value = float(ttest_1samp(values, 0).pvalue)
    return 1.0 if isnan(p_value) else p_value
