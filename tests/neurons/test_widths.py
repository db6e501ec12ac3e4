"""Neurons that a narrower layer does not have are never counted, selected or part of a share."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.activity import (
    activity_table,
    firing_shares,
    layer_sparsity,
    mask_shares,
    never_firing,
)
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.recorder import ActivationCounter
from neuron_specialization.neurons.selection import (
    draw_neurons,
    select_all,
    select_masks,
    shuffle_neurons,
)
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.neurons.widths import unlike_widths

LABELS = {
    "directions": ("en-de", "de-en"),
    "layers": ("encoder.layers.0", "decoder.layers.0"),
}
COUNT_LNF = np.array([[[4, 3, 0, 0], [2, 2, 5, 0]], [[4, 0, 0, 0], [1, 5, 5, 4]]])
COUNTS = Counts(
    **LABELS,
    sentence_LNF=COUNT_LNF,
    token_LNF=COUNT_LNF,
    num_sentences_L=np.array([5, 5]),
    widths_N=np.array([2, 4]),
    provenance={},
)
SELECTION = {"directions": ["en-de", "de-en"], "counting": "token", "stacks": "both", "seed": 1}


def select(**settings: object) -> Masks:
    choice = {"k": None, "random_percent": None, **SELECTION, **settings}
    return select_masks(COUNTS, **choice)  # type: ignore[arg-type]


def numbers(masks: Masks) -> list[list[int]]:
    """Return the number of neurons of each direction in each layer; none lacks in its layer."""
    assert not masks.mask_LNF[:, 0, 2:].any()
    assert masks.widths_N is not None
    sizes: list[list[int]] = masks.mask_LNF.sum(axis=-1).tolist()
    return sizes


def test_only_existing_neurons_are_selected() -> None:
    assert numbers(select(k=100)) == [[2, 4], [2, 4]]
    assert numbers(select(k=0)) == [[0, 0], [0, 0]]
    assert numbers(select(k=95)) == [[2, 3], [1, 4]]
    assert numbers(select(k=95, sparsity_of="sentence", counting="token")) == [[2, 3], [1, 4]]
    assert numbers(select(random_percent=50)) == [[1, 2], [1, 2]]
    for seed in range(20):
        assert numbers(select(k=60, shuffled=True, seed=seed)) == [[2, 2], [1, 2]]
    decoder = select(k=100, stacks="decoder")
    assert decoder.width_N.tolist() == [4]
    assert decoder.mask_LNF.sum() == 8


def test_equal_widths_draw_what_they_always_drew() -> None:
    widths_N = np.array([4, 4])
    assert (draw_neurons((2, 2, 4), 50, 1, widths_N) == draw_neurons((2, 2, 4), 50, 1)).all()
    mask_LNF = COUNT_LNF > 2
    assert shuffle_neurons(mask_LNF, 1).sum() == mask_LNF.sum()
    assert unlike_widths([4, 4]) is None


def test_shares_are_of_existing_neurons() -> None:
    masks = select(k=60)  # [[1 of 2, 2 of 4], [1 of 2, 2 of 4]] less what is not needed
    assert masks.mask_LNF.astype(int).tolist() == [
        [[1, 1, 0, 0], [1, 0, 1, 0]],
        [[1, 0, 0, 0], [0, 1, 1, 0]],
    ]
    assert Overlap.of(masks, "en").sparsity_LN.tolist() == [[0.0, 0.5], [0.5, 0.5]]
    assert Overlap.of(masks, "en").iou_NLL[0, 0, 1] == 0.5
    assert layer_sparsity(masks) == {"encoder.layers.0": 0.25, "decoder.layers.0": 0.5}
    always_LN, never_LN = firing_shares(COUNTS)
    assert never_LN.tolist() == [[0.0, 0.25], [0.5, 0.0]]
    assert always_LN.tolist() == [[0.0, 0.25], [0.0, 0.5]]
    assert never_firing(COUNTS, "encoder") == 0.0
    shares = mask_shares(masks, "encoder")
    assert shares is not None
    assert (shares.masked, shares.differing) == (0.0, 0.5)
    table = activity_table(COUNTS, masks, "en").set_index(["layer", "side"])
    assert table.loc[("encoder.layers.0", "m2o"), "masked"] == 0.5
    assert table.loc[("encoder.layers.0", "m2o"), "sparsity"] == 0.5


def test_widths_survive_saving(tmp_path: Path) -> None:
    COUNTS.save(tmp_path / "counts.npz")
    counts = Counts.load(tmp_path / "counts.npz")
    assert counts.exists_NF.tolist() == [[True, True, False, False], 4 * [True]]
    masks = select_all(Counts.join([counts], ["de-en", "en-de"]), k=95, counting="token")
    masks.save(tmp_path / "masks.npz")
    loaded = Masks.load(tmp_path / "masks.npz")
    assert loaded.width_N.tolist() == [2, 4]
    assert (loaded.mask_LNF == masks.mask_LNF).all()
    replace(COUNTS, widths_N=None).save(tmp_path / "older.npz")
    assert Counts.load(tmp_path / "older.npz").exists_NF.all()
    with np.load(tmp_path / "older.npz") as file:
        assert "widths" not in file


@pytest.mark.parametrize("widths", [[1, 4], [2, 5], [0, 4], [2], [2.0, 4.0]])
def test_widths_that_do_not_fit_are_refused(tmp_path: Path, widths: list[float]) -> None:
    wrong = replace(COUNTS, widths_N=np.array(widths))
    wrong.save(tmp_path / "counts.npz")
    with pytest.raises(InputError, match="its array widths"):
        Counts.load(tmp_path / "counts.npz")


def test_layers_of_unlike_widths_are_counted() -> None:
    layers = {"encoder.layers.0": nn.Linear(2, 1), "decoder.layers.0": nn.Linear(4, 1)}
    counter = ActivationCounter(layers, 1)
    real_BT = torch.ones(1, 3, dtype=torch.bool)
    counter.start_batch(0, real_BT, real_BT)
    layers["encoder.layers.0"](torch.tensor([[[1.0, 0.0]], [[1.0, 2.0]], [[0.0, 0.0]]]))
    layers["decoder.layers.0"](torch.ones(3, 1, 4))
    assert counter.token_LNF.tolist() == [[[2, 1, 0, 0], [3, 3, 3, 3]]]
    assert counter.sentence_LNF.tolist() == [[[1, 1, 0, 0], [1, 1, 1, 1]]]
    assert counter.widths == [2, 4]
