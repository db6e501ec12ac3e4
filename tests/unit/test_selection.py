"""Selection of neurons: exact small cases and laws (Eq. 1)."""

from itertools import pairwise

import numpy as np
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.selection import select_masks, select_neurons
from neuron_specialization.neurons.storage import Counts

EXAMPLE_F = np.array([5, 0, 5, 3, 2, 0])
GRID = [0, 0.1, 1, 12.5, 33.3, 50, 66.7, 70, 90, 95, 99, 99.9, 100]


def random_counts(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 50, size=(3, 4, 32))


@pytest.mark.parametrize(
    ("k", "selected"),
    [
        (0, []),
        (1, [0]),
        (50, [0, 2]),
        (66.7, [0, 2, 3]),
        (86, [0, 2, 3]),
        (87, [0, 2, 3, 4]),
        (95, [0, 2, 3, 4]),
        (100, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_small_example(k: float, selected: list[int]) -> None:
    assert np.flatnonzero(select_neurons(EXAMPLE_F, k)).tolist() == selected


def test_uniform_counts_of_the_big_model() -> None:
    assert select_neurons(np.full(4096, 7), 95).sum() == 3892


def test_ties_go_by_index() -> None:
    assert np.flatnonzero(select_neurons(np.full(10, 3), 40)).tolist() == [0, 1, 2, 3]


def test_no_rounding_at_the_threshold() -> None:
    # half of 2^25 + 2 is 2^24 + 1; in float32 the total rounds to 2^25 and one neuron would do
    count_F = np.array([2**24, 2**24, 2])
    assert select_neurons(count_F, 50).sum() == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_larger_k_never_loses_a_neuron(seed: int) -> None:
    masks = [select_neurons(random_counts(seed), k) for k in GRID]
    for smaller, larger in pairwise(masks):
        assert (smaller <= larger).all()


@pytest.mark.parametrize("k", GRID[1:-1])
def test_selection_is_the_smallest_that_reaches_k(k: float) -> None:
    count_LNF = random_counts(7)
    mask_LNF = select_neurons(count_LNF, k)
    held = (count_LNF * mask_LNF).sum(-1)
    weakest = np.where(mask_LNF, count_LNF, 10**6).min(-1)
    needed = count_LNF.sum(-1) * k / 100
    assert (held >= needed - 1e-9).all()
    assert (held - weakest < needed).all()


def test_a_layer_that_never_fires() -> None:
    assert not select_neurons(np.zeros(6, dtype=int), 95).any()
    assert select_neurons(np.zeros(6, dtype=int), 100).all()


@pytest.mark.parametrize("k", [-1, 100.5, 1000])
def test_k_outside_its_range(k: float) -> None:
    with pytest.raises(InputError, match="0 to 100"):
        select_neurons(EXAMPLE_F, k)


def test_masks_of_some_directions_in_either_counting() -> None:
    counts = Counts(
        directions=("en-a1", "a1-en"),
        layers=("encoder.layers.0",),
        sentence_LNF=np.array([[[9, 1]], [[1, 9]]]),
        token_LNF=np.array([[[1, 9]], [[9, 1]]]),
        provenance={"checkpoint": "abc"},
    )
    masks = select_masks(counts, directions=["a1-en"], k=50, counting="sentence")
    assert masks.mask_LNF.tolist() == [[[False, True]]]
    assert masks.provenance == {"checkpoint": "abc", "k": 50, "counting": "sentence"}
    masks = select_masks(counts, directions=["a1-en"], k=50, counting="token")
    assert masks.mask_LNF.tolist() == [[[True, False]]]
    with pytest.raises(InputError, match="b1-en"):
        select_masks(counts, directions=["b1-en"], k=50, counting="token")
