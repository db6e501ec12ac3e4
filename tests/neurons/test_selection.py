"""Selection of neurons: exact small cases and laws (Eq. 1)."""

from itertools import pairwise

import numpy as np
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.selection import (
    compose_masks,
    draw_neurons,
    select_masks,
    select_most_active,
    select_neurons,
    shuffle_neurons,
)
from neuron_specialization.neurons.storage import Counts, Masks

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


@pytest.fixture
def counts() -> Counts:
    return Counts(
        directions=("en-a1", "a1-en"),
        layers=("encoder.layers.0", "decoder.layers.0"),
        sentence_LNF=np.array([[[9, 1], [5, 5]], [[1, 9], [5, 5]]]),
        token_LNF=np.array([[[1, 9], [5, 5]], [[9, 1], [5, 5]]]),
        provenance={"checkpoint": "abc"},
    )


def make_masks(counts: Counts, **changes: object) -> Masks:
    settings = {
        "directions": ["a1-en"],
        "k": 50,
        "counting": "sentence",
        "random_percent": None,
        "stacks": "both",
        "seed": 1,
    }
    return select_masks(counts, **(settings | changes))


def test_masks_of_some_directions_in_either_counting(counts: Counts) -> None:
    masks = make_masks(counts)
    assert masks.mask_LNF.tolist() == [[[False, True], [True, False]]]
    assert masks.provenance == {"checkpoint": "abc", "k": 50, "counting": "sentence"}
    assert make_masks(counts, counting="token").mask_LNF[0, 0].tolist() == [True, False]
    with pytest.raises(InputError, match="b1-en"):
        make_masks(counts, directions=["b1-en"])
    with pytest.raises(InputError, match="neither k nor random_percent"):
        make_masks(counts, k=None)


def test_a_given_number_of_neurons_is_selected_by_count_and_then_by_index() -> None:
    count_LNF = np.array([[[2, 5, 2, 2, 9]], [[2, 5, 2, 2, 9]], [[0, 0, 0, 0, 0]]])
    mask_LNF = select_most_active(count_LNF, np.array([[3], [0], [2]]))
    assert [np.flatnonzero(mask_F).tolist() for mask_F in mask_LNF[:, 0]] == [[0, 1, 4], [], [0, 1]]


SATURATED = Counts(
    directions=("en-a1", "a1-en"),
    layers=("encoder.layers.0",),
    # neurons 1, 2 and 3 fire in each of ten sentences
    sentence_LNF=np.array([[[0, 10, 10, 10, 4]], [[10, 10, 10, 10, 10]]]),
    token_LNF=np.array([[[0, 11, 12, 99, 5]], [[30, 40, 10, 10, 10]]]),
    provenance={},
)


@pytest.mark.parametrize(
    ("counting", "sparsity_of", "selected"),
    [
        ("token", "", [[2, 3], [0, 1, 2, 3]]),  # 87 % of 127 are 111; 90 of 100
        ("sentence", "", [[1, 2, 3], [0, 1, 2, 3, 4]]),  # 30 of 34; 44 of 50 need the fifth
        ("sentence", "token", [[1, 2], [0, 1, 2, 3]]),
        ("token", "sentence", [[1, 2, 3], [0, 1, 2, 3, 4]]),
    ],
)
def test_neurons_of_one_counting_in_the_number_of_the_other(
    counting: str, sparsity_of: str, selected: list[list[int]]
) -> None:
    settings = {"directions": [*SATURATED.directions], "k": 87}
    settings |= {"counting": counting, "sparsity_of": sparsity_of}
    masks = make_masks(SATURATED, **settings)
    assert [np.flatnonzero(mask_F).tolist() for mask_F in masks.mask_LNF[:, 0]] == selected
    assert masks.provenance.get("sparsity_of", "") == sparsity_of
    shuffled = make_masks(SATURATED, shuffled=True, **settings)
    assert (shuffled.mask_LNF.sum(-1) == masks.mask_LNF.sum(-1)).all()


def test_matched_numbers_need_k(counts: Counts) -> None:
    with pytest.raises(InputError, match="random_percent and sparsity_of both set the number"):
        make_masks(counts, k=None, random_percent=50, sparsity_of="token")
    with pytest.raises(InputError, match="neither k nor random_percent"):
        make_masks(counts, k=None, sparsity_of="token")


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_masks_of_one_stack_do_not_affect_the_other(counts: Counts, stack: str) -> None:
    masks = make_masks(counts, stacks=stack)
    both = make_masks(counts)
    assert masks.layers == (f"{stack}.layers.0",)
    assert (masks.mask_LNF[:, 0] == both.mask_LNF[:, both.layers.index(masks.layers[0])]).all()


@pytest.mark.parametrize(
    ("num_neurons", "percent", "num_kept"),
    [(4096, 70, 2867), (1024, 70, 716), (10, 0, 0), (10, 100, 10), (3, 50, 1), (1000, 0.1, 1)],
)
def test_random_neurons_have_the_same_number_everywhere(
    num_neurons: int, percent: float, num_kept: int
) -> None:
    mask_LNF = draw_neurons((3, 2, num_neurons), percent, seed=1)
    assert (mask_LNF.sum(-1) == num_kept).all()


def test_random_neurons_differ_only_by_direction_layer_and_seed() -> None:
    mask_LNF = draw_neurons((2, 2, 100), 70, seed=1)
    rows = {row.tobytes() for row in mask_LNF.reshape(4, 100)}
    assert len(rows) == 4
    assert (draw_neurons((2, 2, 100), 70, seed=1) == mask_LNF).all()
    assert (draw_neurons((2, 2, 100), 70, seed=2) != mask_LNF).any()
    # uniform: over many draws every neuron is kept about equally often
    often_F = draw_neurons((500, 4, 20), 70, seed=3).mean((0, 1))
    assert np.abs(often_F - 0.7).max() < 0.05


def test_random_masks_record_their_settings(counts: Counts) -> None:
    masks = make_masks(counts, k=None, random_percent=50)
    assert masks.mask_LNF.sum(-1).tolist() == [[1, 1]]
    assert masks.provenance == {"checkpoint": "abc", "random_percent": 50, "seed": 1}
    with pytest.raises(InputError, match="random_percent is 120"):
        make_masks(counts, k=None, random_percent=120)


def test_shuffled_neurons_differ_and_keep_their_number() -> None:
    count_LNF = np.random.default_rng(0).integers(0, 100, (2, 3, 20)) ** 2
    own = select_neurons(count_LNF, 70)
    drawn = [shuffle_neurons(own, seed) for seed in (1, 1, 2)]
    sizes_LN = own.sum(axis=-1)
    assert len(set(sizes_LN.flat)) > 1
    for mask_LNF in drawn:
        np.testing.assert_array_equal(mask_LNF.sum(axis=-1), sizes_LN)
        assert (mask_LNF != own).any(axis=-1).all()
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_shuffled_masks_record_it(counts: Counts) -> None:
    assert make_masks(counts, shuffled=True).provenance["shuffled"] == 1
    assert "shuffled" not in make_masks(counts).provenance


def drawn_masks(*directions: str, layers: tuple[str, ...]) -> Masks:
    shape = (len(directions), len(layers), 16)
    mask_LNF = np.random.default_rng(0).random(shape) < 0.5
    return Masks(directions=directions, layers=layers, mask_LNF=mask_LNF, provenance={"k": 95})


LAYERS = ("encoder.layers.0", "encoder.layers.1", "decoder.layers.0")


def test_composed_masks_have_the_source_in_the_encoder_and_the_target_in_the_decoder() -> None:
    masks = drawn_masks("en-de", "en-fr", "de-en", "fr-en", layers=LAYERS)
    found = compose_masks(masks, ["de-fr", "fr-de"], "en")
    assert found.directions == (*masks.directions, "de-fr", "fr-de")
    np.testing.assert_array_equal(found.mask_LNF[:4], masks.mask_LNF)
    of = dict(zip(found.directions, found.mask_LNF, strict=True))
    for source, target in (("de", "fr"), ("fr", "de")):
        mask_NF = of[f"{source}-{target}"]
        np.testing.assert_array_equal(mask_NF[:2], of[f"{source}-en"][:2])
        np.testing.assert_array_equal(mask_NF[2:], of[f"en-{target}"][2:])
    assert found.provenance == {"k": 95, "composed": "de-fr=de-en+en-fr fr-de=fr-en+en-de"}


@pytest.mark.parametrize(("stack", "half"), [("encoder", "de-en"), ("decoder", "en-fr")])
def test_masks_of_one_stack_are_composed_of_one_direction(stack: str, half: str) -> None:
    masks = drawn_masks("en-fr", "de-en", layers=(f"{stack}.layers.0",))
    found = compose_masks(masks, ["de-fr"], "en")
    np.testing.assert_array_equal(found.mask_LNF[2], masks.mask_LNF[masks.directions.index(half)])


def test_masks_are_composed_only_of_those_that_were_selected() -> None:
    masks = drawn_masks("en-de", "de-en", layers=LAYERS)
    assert compose_masks(masks, [], "en") is masks
    with pytest.raises(InputError, match="no neurons were selected for en-fr"):
        compose_masks(masks, ["de-fr"], "en")
