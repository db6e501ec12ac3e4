"""Checks of the diagnosis on scores: interference, further training and power."""

import math
import re

import pandas as pd
import pytest

from neuron_specialization.settings.diagnosis import BASELINE, BILINGUAL, CONTINUED, RANDOM
from neuron_specialization.tables.score_checks import (
    check_further_training,
    check_interference,
    check_power,
    mean_scores,
    smallest_difference,
)
from neuron_specialization.tables.verdicts import Verdict
from tests.tables.limits import LIMITS, limits
from tests.tables.samples import NAN, paired_tests, scores_of

LEVELS = {"en-de": "high", "de-en": "high", "en-it": "medium", "en-lb": "low"}
SCORES = {"en-de": 20.0, "de-en": 30.0, "en-it": 15.0, "en-lb": 10.0}


def interference(**bilingual: float) -> dict[str, Verdict]:
    """Return the verdicts by level; names of directions have _ for -."""
    given = {pair.replace("_", "-"): score for pair, score in bilingual.items()}
    scores = {BASELINE: SCORES, BILINGUAL: given}
    found = check_interference(scores, LEVELS, "Base", "bleu", LIMITS)
    return {verdict.part: verdict for verdict in found}


def training(continued: dict[str, float], random: dict[str, float]) -> list[Verdict]:
    scores = {BASELINE: SCORES, CONTINUED: continued, RANDOM: random}
    return check_further_training(scores, "Base", "bleu", LIMITS)


@pytest.mark.parametrize(
    ("gains", "value", "status"),
    [((2, 1), 1.5, "green"), ((1, 0), 0.5, "green"), ((2, -1.2), 0.4, "red")],
)
def test_interference_is_a_loss_of_high_resource_directions(
    gains: tuple[float, float], value: float, status: str
) -> None:
    verdict = interference(en_de=20 + gains[0], de_en=30 + gains[1], fr_en=99)["high"]
    assert (verdict.value, verdict.status) == (pytest.approx(value), status)
    assert verdict.unit == "BLEU"


def test_the_reason_of_a_verdict_has_its_numbers() -> None:
    assert interference(en_de=19)["high"].reason == (
        "Bilingual models minus Base is −1.00 BLEU, over 1 direction of the level high: one model "
        "costs these languages nothing, so that no interference can be undone."
    )


def test_interference_at_other_levels_is_shown() -> None:
    found = interference(en_de=99, en_lb=7)
    assert (found["low"].value, found["low"].status) == (-3, "shown")
    assert (found["med"].status, found["med"].limit) == ("unknown", "")


def test_interference_is_unknown_without_bilingual_models_or_levels() -> None:
    verdict = interference()["high"]
    assert verdict.status == "unknown"
    assert "add a row of method bilingual" in verdict.reason
    scores = {BASELINE: SCORES, BILINGUAL: SCORES}
    (only,) = check_interference(scores, dict.fromkeys(SCORES, ""), "Base", "bleu", LIMITS)
    assert (only.part, only.status) == ("high", "unknown")


def test_interference_is_unknown_if_a_score_is_missing() -> None:
    verdict = interference(en_de=20, de_en=NAN)["high"]
    assert (verdict.status, verdict.reason[:19]) == ("unknown", "A score is missing;")


@pytest.mark.parametrize(("gain", "status"), [(1.9, "green"), (2.0, "green"), (2.1, "red")])
def test_further_training_must_gain_little_by_itself(gain: float, status: str) -> None:
    more = {pair: score + gain for pair, score in SCORES.items()}
    continued, random = training(more | {"en-de": 20.0}, {"en-de": 60.0})
    assert continued.value == pytest.approx(0.75 * gain)
    continued, random = training(more, {"en-de": 60.0})
    assert (continued.value, continued.status) == (pytest.approx(gain), status)
    assert (random.value, random.status) == (40, "shown")
    assert [each.part for each in (continued, random)] == ["continued bleu", "random bleu"]


def test_further_training_is_unknown_without_such_rows() -> None:
    verdicts = training({}, {})
    assert [each.status for each in verdicts] == ["unknown", "unknown"]
    assert "add a multilingual row with that parent" in verdicts[0].reason
    assert "add a row with random_percent" in verdicts[1].reason
    assert training({"en-de": NAN}, {})[0].status == "unknown"


def with_intervals(*intervals: tuple[float, float], metric: str = "bleu") -> pd.DataFrame:
    """Return paired tests of some directions with the intervals of their differences."""
    found = paired_tests("continued", "control", 0.5).iloc[: len(intervals)]
    low, high = zip(*intervals, strict=True)
    return found.assign(metric=metric, low=low, high=high)


def test_power_is_of_the_mean_of_all_directions() -> None:
    # standard errors 3 and 4: 5 of the sum, 2.5 of the mean
    tests = with_intervals((-5.88, 5.88), (0, 15.68))
    assert smallest_difference(tests) == pytest.approx(2.8 * 2.5)


@pytest.mark.parametrize(("error", "status"), [(0.3, "green"), (1.3 / 2.8, "green"), (0.5, "red")])
def test_power_must_be_enough_for_the_papers_gain(error: float, status: str) -> None:
    verdict = check_power([with_intervals((-1.96 * error, 1.96 * error))], "bleu", LIMITS)
    assert (verdict.value, verdict.status) == (pytest.approx(2.8 * error), status)
    assert (verdict.part, verdict.limit) == ("bleu", "at most 1.3")


def test_power_is_a_mean_over_seeds() -> None:
    seeds = [with_intervals((0, 3.92 * error)) for error in (0.2, 0.4)]
    verdict = check_power(seeds, "bleu", LIMITS)
    assert verdict.reason == (
        "The mean of 1 direction had to differ by 0.84 BLEU to be found with 80 % power, mean of "
        "2 seeds."
    )


def test_power_in_a_metric_without_a_limit_is_shown() -> None:
    verdict = check_power([with_intervals((0, 99), metric="chrf")], "chrf", LIMITS)
    assert (verdict.status, verdict.limit) == ("shown", "")
    with_limit = limits(max_detectable={"chrf": 1.1})
    assert check_power([with_intervals((0, 99), metric="chrf")], "chrf", with_limit).status == "red"


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ([], "No paired test against a continued baseline in BLEU; add that row"),
        ([with_intervals((0, 1), metric="chrf")], "No paired test .* in BLEU"),
        ([paired_tests("continued", "control", 0.5).drop(columns="low")], "lack intervals"),
        ([with_intervals((0, 1), (NAN, NAN))], "lack intervals"),
        ([with_intervals((0, 1)), with_intervals((0, NAN))], "lack intervals"),
    ],
)
def test_power_is_unknown_without_intervals(tests: list[pd.DataFrame], message: str) -> None:
    verdict = check_power(tests, "bleu", LIMITS)
    assert verdict.status == "unknown"
    assert re.search(message, verdict.reason)


def test_scores_are_means_over_runs_and_missing_ones_stay_missing() -> None:
    first = scores_of({"en-de": 10, "de-en": 1})
    second = scores_of({"en-de": 14, "de-en": NAN, "en-lb": 3})
    found = mean_scores([first, second, scores_of({"en-de": 99}, "chrf")], "bleu")
    assert (found["en-de"], found["en-lb"]) == (12, 3)
    assert math.isnan(found["de-en"])
