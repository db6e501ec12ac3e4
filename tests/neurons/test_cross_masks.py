"""Planted structure in matrices of directions and masks is found; random matrices have none."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from neuron_specialization.neurons.cross_masks import (
    COLUMNS,
    CrossMasks,
    cross_mask_table,
    cross_mask_tests,
    describe_cross_masks,
    masks_of_sides,
    own_mask_p,
    read_sides,
)
from neuron_specialization.neurons.statistics import permute

FAMILIES = ["A", "A", "A", "B", "B", "B", "C", "C", "C"]
LANGUAGES = tuple(f"{family.lower()}{number % 3}" for number, family in enumerate(FAMILIES))
ORDER_PL = permute(9, 5000, seed=1)


def noise(seed: int) -> NDArray[np.float64]:
    """Return directions and masks of different quality, with noise, but no own masks."""
    generator = np.random.default_rng(seed)
    return 3 + generator.random((9, 1)) + generator.random(9) + generator.random((9, 9)) / 10


def planted(within: float, across: float, families: Sequence[str] = FAMILIES) -> CrossMasks:
    family_L = np.array(families)
    cost_LL = np.where(family_L[:, None] == family_L[None, :], within, across)
    np.fill_diagonal(cost_LL, 0)
    level_L1 = np.linspace(2, 5, len(families))[:, None]  # directions differ in difficulty
    languages = LANGUAGES[: len(families)]
    return CrossMasks(side="o2m", languages=languages, nll_LL=level_L1 + cost_LL)


def test_own_masks_that_fit_best_have_the_smallest_p() -> None:
    found = describe_cross_masks(planted(0.2, 0.2), FAMILIES, ORDER_PL)
    assert found["p"] == pytest.approx(1 / 5001)
    assert found["excess"] == pytest.approx(0.2)
    assert (found["own"], found["other"]) == pytest.approx((3.5, 3.7))
    # all others cost the same: nothing within families
    assert found["gap"] == pytest.approx(0)
    assert found["p_families"] == 1


def test_own_masks_that_fit_worst_have_the_largest_p() -> None:
    assert own_mask_p(planted(-0.2, -0.2).nll_LL, ORDER_PL) == 1


def test_p_is_uniform_without_own_masks() -> None:
    """Directions and masks differ in level, which must not matter."""
    order_PL = permute(9, 500, seed=2)
    p = np.sort([own_mask_p(noise(seed), order_PL) for seed in range(400)])
    distance = np.abs(p - np.arange(1, 401) / 400).max()
    assert distance < 1.36 / np.sqrt(400)  # Kolmogorov and Smirnov, 5 %


def test_masks_of_the_family_that_cost_less_are_found() -> None:
    found = describe_cross_masks(planted(0.1, 0.3), FAMILIES, ORDER_PL)
    assert (found["within"], found["across"]) == pytest.approx((0.1, 0.3))
    assert found["gap"] == pytest.approx(0.2)
    # only one of the 280 partitions into three threes reaches the gap
    assert found["p_families"] == pytest.approx(1 / 280, rel=0.5)
    assert describe_cross_masks(planted(0.3, 0.1), FAMILIES, ORDER_PL)["p_families"] == 1


def test_p_of_families_is_uniform_without_families() -> None:
    order_PL = permute(9, 500, seed=2)
    found = [
        describe_cross_masks(
            CrossMasks(side="o2m", languages=LANGUAGES, nll_LL=noise(seed)), FAMILIES, order_PL
        )["p_families"]
        for seed in range(400)
    ]
    distance = np.abs(np.sort(found) - np.arange(1, 401) / 400).max()
    assert distance < 1.36 / np.sqrt(400)


def test_identical_masks_are_no_evidence() -> None:
    """Encoder masks coincide on directions from the pivot if the text has the same sentences."""
    found = describe_cross_masks(planted(0, 0), FAMILIES, ORDER_PL)
    assert (found["excess"], found["p"], found["p_families"]) == (0, 1, 1)


def test_a_table_becomes_the_matrices_of_its_sides() -> None:
    directions = ["en-a0", "b0-en", "en-b0"]
    assert masks_of_sides(directions, "en") == {
        "en-a0": ["en-a0", "en-b0"],
        "b0-en": ["b0-en"],
        "en-b0": ["en-a0", "en-b0"],
    }
    totals = {
        ("en-a0", "en-a0"): (10.0, 10),
        ("en-a0", "en-b0"): (15.0, 10),
        ("b0-en", "b0-en"): (3.0, 2),
        ("en-b0", "en-a0"): (24.0, 12),
        ("en-b0", "en-b0"): (36.0, 12),
    }
    table = cross_mask_table(totals, "en")
    assert tuple(table) == COLUMNS
    assert table.iloc[1].to_list() == ["o2m", "en-a0", "en-b0", 1.5, 10]
    outward, inward = read_sides(table, ["x9", "b0", "a0"], "en")
    assert (outward.side, outward.languages) == ("o2m", ("b0", "a0"))
    assert outward.nll_LL.tolist() == [[3, 2], [1.5, 1]]
    assert outward.excess_LL.tolist() == [[0, -1], [0.5, 0]]
    assert (inward.languages, inward.nll_LL.tolist()) == (("b0",), [[1.5]])


def test_one_direction_or_none_has_no_statistics() -> None:
    one = CrossMasks(side="o2m", languages=("a0",), nll_LL=np.ones((1, 1)))
    none = CrossMasks(side="m2o", languages=(), nll_LL=np.ones((0, 0)))
    tests = cross_mask_tests([one, none], {"a0": "A"}, permutations=5, seed=1)
    assert tests["directions"].to_list() == [1, 0]
    assert tests.drop(columns=["side", "directions"]).isna().all(axis=None)


def test_a_row_per_side() -> None:
    families = dict(zip(LANGUAGES, FAMILIES, strict=True))
    matrices = [planted(0.1, 0.3), planted(0.2, 0.2)]
    tests = cross_mask_tests(matrices, families, permutations=50, seed=1)
    assert isinstance(tests, pd.DataFrame)
    assert tests["excess"].to_list() == pytest.approx([0.25, 0.2])
    assert tests["p"].to_list() == [1 / 51] * 2
