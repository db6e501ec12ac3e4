"""Checks of the diagnosis on models: training, neurons, masks and the restart."""

import math
import re

import numpy as np
import pytest

from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.tables.curves import Curve
from neuron_specialization.tables.model_checks import (
    check_converged,
    check_neurons,
    check_restart,
    check_sparsity,
    rate_at,
)
from neuron_specialization.tables.verdicts import Verdict
from tests.tables.limits import LIMITS, limits
from tests.tables.test_curves import curve

LAYERS = ("encoder.layers.0", "decoder.layers.0")
DIRECTIONS = ("en-de", "de-en")


def statuses(verdicts: list[Verdict]) -> dict[str, str]:
    return {verdict.part: verdict.status for verdict in verdicts}


def values(verdicts: list[Verdict]) -> dict[str, float]:
    return {verdict.part: verdict.value for verdict in verdicts}


def counts_of(*silent: int) -> Counts:
    """Return counts of 20 neurons per stack, of which some never fire."""
    count_LNF = np.ones((2, 2, 20), dtype=np.int64)
    for n, number in enumerate(silent):
        count_LNF[:, n, :number] = 0
    count_LNF[0, :, 10] = 0  # silent in one direction only
    arrays = {"sentence_LNF": count_LNF, "token_LNF": count_LNF}
    return Counts(directions=DIRECTIONS, layers=LAYERS, provenance={}, **arrays)


def masks_of(never: int, some: int, layers: tuple[str, ...] = LAYERS) -> Masks:
    """Return masks of 20 neurons per stack: of no direction, of one, and of both."""
    mask_LNF = np.ones((2, len(layers), 20), dtype=bool)
    mask_LNF[:, :, :never] = False
    mask_LNF[0, :, never : never + some] = False
    return Masks(directions=DIRECTIONS, layers=layers, mask_LNF=mask_LNF, provenance={})


@pytest.mark.parametrize(
    ("points", "metric", "change", "status"),
    [
        # 8 of 10 validations are four fifths of the updates
        ((9, 9, 9, 9, 9, 9, 9, 5, 5, 4.96), "loss", 0.8, "green"),
        ((9, 9, 9, 9, 9, 9, 9, 5, 5, 4.9), "loss", 2, "red"),
        ((1, 1, 1, 1, 1, 1, 1, 20, 20, 21), "chrf", 5, "red"),
        # validations after 10 and 20 updates: 16 is interpolated
        ((1, 10), "bleu", 100 * (10 - 6.4) / 6.4, "red"),
        # a loss that rises again no longer improves
        ((9, 9, 9, 9, 9, 9, 9, 5, 5, 5.5), "loss", -10, "green"),
    ],
)
def test_a_baseline_has_converged_if_its_last_fifth_changes_little(
    points: tuple[float, ...], metric: str, change: float, status: str
) -> None:
    verdict = check_converged([curve(*points, metric=metric)], "Base", LIMITS)
    assert (verdict.value, verdict.status) == (pytest.approx(change), status)


def test_the_change_is_a_mean_over_seeds() -> None:
    seeds = [curve(1, 10, 10, 10, last, metric="loss") for last in (9.9, 9.7)]
    verdict = check_converged(seeds, "Base", limits(max_change=2))
    assert verdict.value == pytest.approx(2)
    assert verdict.reason == (
        "The validation loss of Base improved by 2.00 % over the last fifth of its 50 updates, "
        "mean of 2 seeds."
    )


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], "Base has no file of validations; train it here."),
        ([curve(5)], "no validation above 0 in the first four fifths.*lower validate_every"),
        ([curve(0, 0, 0, 0, 3)], "no validation above 0 in the first four fifths"),
    ],
)
def test_convergence_is_unknown_without_validations(curves: list[Curve], message: str) -> None:
    verdict = check_converged(curves, "Base", LIMITS)
    assert verdict.status == "unknown"
    assert math.isnan(verdict.value)
    assert re.search(message, verdict.reason)


def test_neurons_fire_and_differ() -> None:
    verdicts = check_neurons([counts_of(2, 3)], [masks_of(1, 4)], "Base", LIMITS)
    assert values(verdicts) == pytest.approx(
        {
            "encoder never fire": 10,
            "encoder always masked": 5,
            "encoder differ": 20,
            "decoder never fire": 15,
            "decoder always masked": 5,
            "decoder differ": 20,
        }
    )
    assert statuses(verdicts) == {
        "encoder never fire": "green",
        "encoder always masked": "shown",
        "encoder differ": "green",
        "decoder never fire": "red",
        "decoder always masked": "shown",
        "decoder differ": "green",
    }


def test_masks_that_are_alike_are_red() -> None:
    verdicts = check_neurons([counts_of(0, 0)], [masks_of(5, 3)], "Base", LIMITS)
    assert statuses(verdicts)["encoder differ"] == "red"
    assert verdicts[2].reason == (
        "15.00 % of the encoder's FFN neurons belong to some directions only: the masks of all "
        "directions are nearly the same."
    )


def test_shares_of_neurons_are_means_over_seeds() -> None:
    masks = [masks_of(0, 4), masks_of(2, 6)]
    verdicts = check_neurons([counts_of(0, 0), counts_of(4, 0)], masks, "Base", LIMITS)
    found = values(verdicts)
    assert found["encoder never fire"] == pytest.approx(10)
    assert found["decoder always masked"] == pytest.approx(5)
    assert found["decoder differ"] == pytest.approx(25)


def test_neurons_without_counts_and_masks_are_unknown() -> None:
    assert set(statuses(check_neurons([], [], "Base", LIMITS)).values()) == {"unknown"}


@pytest.mark.parametrize(
    ("never", "expected"),
    [(3, ("green", "green")), (2, ("red", "green")), (9, ("green", "red"))],
)
def test_sparsity_is_near_the_papers_in_every_layer(never: int, expected: tuple[str, str]) -> None:
    verdicts = check_sparsity([masks_of(never, 0)], LIMITS)
    assert tuple(statuses(verdicts).values()) == expected
    assert list(values(verdicts).values()) == pytest.approx([5 * never] * 2)


def test_the_extreme_layers_are_named_and_averaged_over_seeds() -> None:
    seeds = [masks_of(4, 0), masks_of(2, 0)]
    seeds[0].mask_LNF[:, 1] = False
    lowest, highest = check_sparsity(seeds, LIMITS)
    assert (lowest.value, highest.value) == (pytest.approx(15), pytest.approx(55))
    assert lowest.reason.startswith("Encoder layer 1 masks 15.00 % of its neurons")
    assert highest.reason.startswith("Decoder layer 1 masks 55.00 % of its neurons")
    assert highest.reason.endswith("far more of the model than the paper's.")


def test_sparsity_is_unknown_without_a_specialized_system() -> None:
    assert set(statuses(check_sparsity([], LIMITS)).values()) == {"unknown"}


def test_rates_rise_linearly_and_fall_with_the_inverse_square_root() -> None:
    schedule = {"learning_rate": 6.0, "warmup_updates": 100}
    assert [rate_at(schedule, n) for n in (50, 100, 400)] == [3, 6, 3]


@pytest.mark.parametrize(
    ("peak", "updates", "rate", "share", "expected"),
    [
        # the baseline ends after 400 updates, at half its peak of 4
        (6, 20, 3, 5, ("green", "green")),
        (6.2, 40, 3.1, 10, ("red", "green")),
        # the warm-up of 10 updates is cut short
        (6, 5, 1.5, 1.25, ("green", "red")),
    ],
)
def test_a_restart_is_mild_and_long_enough(
    peak: float, updates: int, rate: float, share: float, expected: tuple[str, str]
) -> None:
    verdicts = check_restart(
        [run_of(400)],
        [run_of(updates)],
        {"learning_rate": 4, "warmup_updates": 100},
        {"learning_rate": peak, "warmup_updates": 10},
        LIMITS,
    )
    assert values(verdicts) == pytest.approx({"peak learning rate": rate, "updates": share})
    assert tuple(statuses(verdicts).values()) == expected


def test_the_papers_own_restart_keeps_the_default_limit() -> None:
    # 900,000 updates of the baseline, restarted at its peak of 5e-4 (fairseq's inverse_sqrt)
    schedule = {"learning_rate": 5e-4, "warmup_updates": 4000}
    verdict, _ = check_restart(
        [run_of(900_000)], [run_of(50_000)], schedule, schedule, limits(max_restart_rate=15)
    )
    assert (verdict.status, verdict.value) == ("green", pytest.approx(15))


@pytest.mark.parametrize(("parent", "own"), [(0, 9), (9, 0)])
def test_a_restart_is_unknown_without_validations(parent: int, own: int) -> None:
    curves = [[run_of(updates)] if updates else [] for updates in (parent, own)]
    verdicts = check_restart(*curves, {}, {}, LIMITS)
    assert set(statuses(verdicts).values()) == {"unknown"}


def run_of(updates: int) -> Curve:
    """Return the curve of a run with some updates."""
    made = curve(1)
    made.points["updates"] = updates
    return made
