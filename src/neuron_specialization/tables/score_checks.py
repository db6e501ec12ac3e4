"""Checks of the diagnosis on scores: interference, further training, power (docs/diagnosis.md).

Where a score or a test is missing, the verdict of a check is unknown.
"""

import math
from collections.abc import Mapping, Sequence, Sized
from statistics import fmean

import pandas as pd

from neuron_specialization.evaluation.metrics import METRIC_NAMES, decimals_of
from neuron_specialization.settings.diagnosis import (
    BASELINE,
    BILINGUAL,
    CONTINUED,
    RANDOM,
    DiagnosisLimits,
)
from neuron_specialization.tables.cells import GROUP_OF_LEVEL
from neuron_specialization.tables.verdicts import (
    Question,
    Verdict,
    at_least,
    at_most,
    mean_of,
    show,
)

OF_INTERVAL, OF_POWER = 1.96, 0.84
"""Standard errors of half a 95 % interval, and of the quantile that gives 80 % power."""
INTERVAL = ("low", "high")
"""Columns of paired tests: the 95 % interval of the difference."""


def check_interference(
    scores: Mapping[str, Mapping[str, float]],
    level_of: Mapping[str, str],
    label: str,
    metric: str,
    limits: DiagnosisLimits,
) -> list[Verdict]:
    """Check that bilingual models beat the baseline in high-resource directions.

    Args:
        scores: by role, the score of each direction.
        level_of: resource level of each direction, "" for none.
        label: label of the baseline.
        metric: the metric of the scores.
        limits: limits of the diagnosis.
    """
    bilingual, baseline, unit = scores[BILINGUAL], scores[BASELINE], METRIC_NAMES[metric]
    verdicts = []
    for level, group in GROUP_OF_LEVEL.items():
        tested = level == "high"
        question = Question(
            line="interference",
            part=group.lower(),
            unit=unit,
            limit=at_least(limits.min_interference) if tested else None,
            if_red="one model costs these languages nothing, so that no interference can be undone",
        )
        pairs = [p for p in baseline if p in bilingual and level_of.get(p) == level]
        if pairs:
            value = mean_difference(bilingual, baseline, pairs)
            what = (
                f"Bilingual models minus {label} is {show(value)} {unit}, over {number_of(pairs)}"
            )
            verdicts.append(_judge(question, value, f"{what} of the level {level}"))
        elif tested or level in level_of.values():
            verdicts.append(
                question.unknown(
                    f"No bilingual model of {label}'s size translates a direction of level {level}",
                    "add a row of method bilingual with the same layers, d_model and d_ff",
                )
            )
    return verdicts


def check_further_training(
    scores: Mapping[str, Mapping[str, float]], label: str, metric: str, limits: DiagnosisLimits
) -> list[Verdict]:
    """Check that further training alone gains little; show the gain with random neurons.

    Args:
        scores: by role, the score of each direction.
        label: label of the baseline.
        metric: the metric of the scores.
        limits: limits of the diagnosis.
    """
    baseline, unit = scores[BASELINE], METRIC_NAMES[metric]
    tested = Question(
        line="further training",
        part=f"continued {metric}",
        unit=unit,
        limit=at_most(limits.max_further_gain),
        if_red="training without masks gains so much that it can hide a gain of neurons",
    )
    only_shown = Question(line="further training", part=f"random {metric}", unit=unit)
    verdicts = []
    for question, role, row, remedy in (
        (tested, CONTINUED, "The continued baseline", "add a multilingual row with that parent"),
        (only_shown, RANDOM, "Random neurons", "add a row with random_percent and that parent"),
    ):
        pairs = [pair for pair in baseline if pair in scores[role]]
        if not pairs:
            lacking = f"No such row with scores in {unit} continues from {label}"
            verdicts.append(question.unknown(lacking, remedy))
            continue
        gain = mean_difference(scores[role], baseline, pairs)
        what = f"{row} minus {label} is {show(gain)} {unit}, over {number_of(pairs)}"
        verdicts.append(_judge(question, gain, what))
    return verdicts


def check_power(tests: Sequence[pd.DataFrame], metric: str, limits: DiagnosisLimits) -> Verdict:
    """Check that a difference as large as the paper's would have been found.

    Args:
        tests: paired tests of the specialized system against the continued baseline, of each
            seed (`significance.COMPARISON_COLUMNS`, with the columns of INTERVAL).
        metric: the metric; one without a limit is only shown.
        limits: limits of the diagnosis.
    """
    bound, unit = limits.max_detectable.get(metric), METRIC_NAMES[metric]
    question = Question(
        line="power",
        part=metric,
        unit=unit,
        limit=None if bound is None else at_most(bound),
        if_red="a gain as large as the paper's could have gone unnoticed",
    )
    directions = (test[(test["metric"] == metric) & (test["pair"] != "")] for test in tests)
    chosen = [rows for rows in directions if len(rows)]
    values = [smallest_difference(rows) for rows in chosen]
    known = [value for value in values if value is not None]
    if not chosen:
        lacking = f"No paired test against a continued baseline in {unit}"
        return question.unknown(lacking, "add that row, or a test (significance.test)")
    if len(known) < len(values):
        return question.unknown(
            f"The paired tests in {unit} lack intervals of their differences",
            "make the tests anew if they are older than these intervals",
        )
    value = fmean(known)
    return question.answer(
        value,
        f"The mean of {number_of(chosen[0])} had to differ by "
        f"{show(value, decimals_of(metric) + 1)} {unit} to be "
        f"found with 80 % power{mean_of(known)}",
    )


def smallest_difference(tests: pd.DataFrame) -> float | None:
    """Return the smallest difference of a mean over directions found with 80 % power.

    The test has level 0.05, and the directions are independent. None without all intervals.

    Args:
        tests: a row per direction, with the columns of INTERVAL.
    """
    if tests.empty or not set(INTERVAL) <= set(tests) or tests[[*INTERVAL]].isna().any(axis=None):
        return None
    error = (tests["high"] - tests["low"]) / (2 * OF_INTERVAL)
    return (OF_INTERVAL + OF_POWER) * math.hypot(*error) / len(error)


def mean_scores(frames: Sequence[pd.DataFrame], metric: str) -> dict[str, float]:
    """Return the mean score of each direction over the runs that have it, nan if one is nan."""
    found: dict[str, list[float]] = {}
    for frame in frames:
        chosen = frame[frame["metric"] == metric]
        for pair, score in zip(chosen["pair"], chosen["score"], strict=True):
            found.setdefault(pair, []).append(score)
    return {pair: fmean(scores) for pair, scores in found.items()}


def mean_difference(
    scores: Mapping[str, float], others: Mapping[str, float], pairs: Sequence[str]
) -> float:
    """Return the mean difference of two systems over some directions, nan if a score is."""
    return fmean(scores[pair] - others[pair] for pair in pairs)


def number_of(directions: Sized) -> str:
    """Return the number of directions in words."""
    return f"{len(directions)} direction{'' if len(directions) == 1 else 's'}"


def _judge(question: Question, value: float, reason: str) -> Verdict:
    """Answer a question about scores, of which some may be missing."""
    if math.isnan(value):
        return question.unknown("A score is missing", "the footers of the tables of scores say why")
    return question.answer(value, reason)
