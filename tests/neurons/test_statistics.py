"""Statistics of planted structure, and without structure."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from neuron_specialization.neurons.statistics import (
    adjusted_rand_index,
    cluster,
    describe_layer,
    distance_correlation,
    family_agreement,
    family_gap,
    pairs_gap,
    permute,
    permute_within,
)
from neuron_specialization.settings.languages import Language

FAMILIES = ["A", "A", "A", "B", "B", "B", "C", "C", "C"]
ORDER_PL = permute(len(FAMILIES), 5000, seed=1)


def planted(families: Sequence[str], within: float, across: float) -> NDArray[np.float64]:
    family_L = np.array(families)
    iou_LL = np.where(family_L[:, None] == family_L[None, :], within, across)
    np.fill_diagonal(iou_LL, 1)
    return iou_LL


def make_language(family: str) -> Language:
    return Language(code="x", name="x", family=family, script="Latin")


def noise(seed: int) -> NDArray[np.float64]:
    iou_LL = np.random.default_rng(seed).random((9, 9))
    iou_LL = np.triu(iou_LL, 1)
    return iou_LL + iou_LL.T + np.eye(9)


def test_a_planted_gap_has_the_smallest_p() -> None:
    found = family_gap(planted(FAMILIES, 0.8, 0.6), FAMILIES, ORDER_PL)
    assert (found.within, found.across) == pytest.approx((0.8, 0.6))
    assert found.gap == pytest.approx(0.2)
    # only one of the 280 partitions into three threes reaches the gap: the families themselves
    assert found.p == pytest.approx(1 / 280, rel=0.5)


def test_a_gap_the_other_way_round_has_the_largest_p() -> None:
    assert family_gap(planted(FAMILIES, 0.6, 0.8), FAMILIES, ORDER_PL).p == 1


def test_p_is_uniform_without_planted_structure() -> None:
    order_PL = permute(9, 500, seed=2)
    p = np.sort([family_gap(noise(seed), FAMILIES, order_PL).p for seed in range(400)])
    distance = np.abs(p - np.arange(1, 401) / 400).max()
    assert distance < 1.36 / np.sqrt(400)  # Kolmogorov and Smirnov, 5 %


def test_a_gap_of_scripts_is_not_one_of_families_of_one_script() -> None:
    # families are unevenly spread over two scripts, and overlap follows the scripts only
    scripts = ["x", "x", "x", "x", "x", "y", "y", "y", "y"]
    by_script = planted(scripts, 0.8, 0.6) + 0.01 * noise(5)
    assert family_gap(by_script, FAMILIES, ORDER_PL).gap > 0.05
    order_PL = permute_within(scripts, 5000, seed=1)
    assert (np.array(scripts)[order_PL] == scripts).all()
    assert len(np.unique(order_PL, axis=0)) > 1000
    alike = family_gap(by_script, FAMILIES, order_PL, groups=scripts)
    assert abs(alike.gap) < 0.01
    assert alike.p > 0.05
    # a family that shares more in each script is found, whatever the scripts share
    both = by_script + planted(FAMILIES, 0.1, 0)
    alike = family_gap(both, FAMILIES, order_PL, groups=scripts)
    assert alike.gap == pytest.approx(0.1, abs=0.01)
    # 10 divisions of x into three and two, 4 of y into one and three
    assert alike.p == pytest.approx(1 / 40, rel=0.3)


def test_without_two_families_in_one_script_there_is_nothing_to_compare() -> None:
    order_PL = permute_within(FAMILIES, 5, seed=1)
    found = family_gap(planted(FAMILIES, 0.8, 0.6), FAMILIES, order_PL, groups=FAMILIES)
    assert np.isnan(found.gap)
    assert np.isnan(found.p)


def test_the_order_of_languages_does_not_matter() -> None:
    mixed = [5, 2, 7, 0, 3, 8, 1, 6, 4]
    iou_LL = noise(3)
    one = family_gap(iou_LL, FAMILIES, ORDER_PL)
    other = family_gap(iou_LL[np.ix_(mixed, mixed)], [FAMILIES[i] for i in mixed], ORDER_PL)
    assert other.gap == pytest.approx(one.gap)
    assert other.p == pytest.approx(one.p, abs=0.03)


@pytest.mark.parametrize(("families", "known"), [("ABC", "across"), ("AAA", "within")])
def test_families_without_anything_to_compare(families: str, known: str) -> None:
    iou_LL = noise(1)[:3, :3]
    found = family_gap(iou_LL, [*families], permute(3, 10, 1))._asdict()
    assert found.pop(known) == pytest.approx(iou_LL[np.triu_indices(3, 1)].mean())
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("iou_LL", [np.ones((1, 1)), np.full((9, 9), np.nan)])
def test_one_language_or_no_neuron_has_no_statistics(iou_LL: NDArray[np.float64]) -> None:
    size = len(iou_LL)
    distances = {"script": planted(FAMILIES, 0, 1)[:size, :size]}
    languages = [make_language(family) for family in FAMILIES[:size]]
    found = describe_layer(iou_LL, languages, distances, permutations=5, seed=1)
    names = ["within", "across", "gap", "p", "one_script_gap", "one_script_p", "agreement"]
    assert list(found) == [*names, "rho_script", "p_script"]
    assert np.isnan(list(found.values())).all()


def test_two_languages_without_neurons_leave_no_p() -> None:
    """Use languages of different families, so that all values within families exist."""
    iou_LL = noise(1)
    iou_LL[0, 3] = iou_LL[3, 0] = np.nan
    found = family_gap(iou_LL, FAMILIES, ORDER_PL)
    assert not np.isnan(found.within)
    assert np.isnan([found.across, found.gap, found.p]).all()


def test_overlap_that_falls_with_distance_correlates_negatively() -> None:
    rho, p = distance_correlation(noise(5) ** 3, 1 - noise(5), ORDER_PL)
    assert rho == pytest.approx(-1)
    assert p < 0.001


def test_ties_get_their_mean_rank() -> None:
    iou_LL, distance_LL = planted(FAMILIES, 0.8, 0.6), 1 - planted(FAMILIES, 1, 0)
    assert distance_correlation(iou_LL, distance_LL, ORDER_PL)[0] == pytest.approx(-1)


def test_no_correlation_with_a_distance_that_is_always_the_same() -> None:
    assert np.isnan(distance_correlation(noise(1), np.ones((9, 9)), ORDER_PL)).all()


def test_clusters_of_planted_families_are_the_families() -> None:
    assert family_agreement(planted(FAMILIES, 0.8, 0.6), FAMILIES) == 1
    assert cluster(planted(FAMILIES, 0.8, 0.6))[:, 2].tolist() == pytest.approx(
        [0.2] * 6 + [0.4] * 2
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("aabb", "ccdd", 1),
        ("aabb", "cdcd", -0.5),
        ("aaab", "ccdd", 0),
        ("aabbb", "ccccc", 0),
        ("aaa", "bbb", 1),
    ],
)
def test_adjusted_rand_index(one: str, other: str, expected: float) -> None:
    assert adjusted_rand_index(one, other) == pytest.approx(expected)


def test_permutations_are_seeded() -> None:
    assert (permute(9, 50, 1) == permute(9, 50, 1)).all()
    assert (permute(9, 50, 1) != permute(9, 50, 2)).any()
    assert (np.sort(permute(9, 50, 1)) == np.arange(9)).all()


def test_chosen_pairs_are_compared_with_all_others() -> None:
    iou_LL = np.full((8, 8), 0.5)
    iou_LL[1, 4] = iou_LL[4, 1] = 0.9
    order_PL = permute(8, 20_000, 1)
    gap, p = pairs_gap(iou_LL, [(4, 1)], order_PL)
    assert gap == pytest.approx(0.4)
    assert p == pytest.approx(1 / 28, rel=0.1)  # one of 28 pairs
    gap, p = pairs_gap(iou_LL, [(0, 1), (2, 3)], order_PL)
    assert gap == pytest.approx(-0.4 / 26)
    assert p == 1
    assert np.isnan(pairs_gap(iou_LL[:2, :2], [(0, 1)], permute(2, 10, 1))).all()
