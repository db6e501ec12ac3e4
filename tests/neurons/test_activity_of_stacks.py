"""Neurons that fire nowhere, and neurons that distinguish directions."""

import numpy as np
import pytest

from neuron_specialization.neurons.activity import (
    MaskShares,
    layer_sparsity,
    mask_shares,
    never_firing,
)
from neuron_specialization.neurons.storage import Counts, Masks

LABELS = {"directions": ("en-de", "de-en"), "layers": ("encoder.layers.0", "decoder.layers.0")}
COUNT_LNF = np.array([[[1, 0, 0, 2], [0, 0, 0, 1]], [[0, 3, 0, 2], [0, 0, 0, 0]]])
MASK_LNF = np.array([[[1, 1, 0, 0], [1, 1, 1, 1]], [[1, 0, 1, 0], [1, 1, 1, 1]]], dtype=bool)


def counts(**changes: object) -> Counts:
    values = {"sentence_LNF": COUNT_LNF, "token_LNF": COUNT_LNF, "provenance": {}, **LABELS}
    return Counts(**(values | changes))


def masks(**changes: object) -> Masks:
    return Masks(**({"mask_LNF": MASK_LNF, "provenance": {}, **LABELS} | changes))


@pytest.mark.parametrize(("stack", "share"), [("encoder", 1 / 4), ("decoder", 3 / 4)])
def test_a_neuron_never_fires_if_it_is_silent_in_every_direction(stack: str, share: float) -> None:
    assert never_firing(counts(), stack) == share


def test_neurons_belong_to_no_some_or_all_directions() -> None:
    assert mask_shares(masks(), "encoder") == MaskShares(masked=1 / 4, differing=2 / 4)
    assert mask_shares(masks(), "decoder") == MaskShares(masked=0, differing=0)


def test_the_share_of_a_stack_is_over_all_its_layers() -> None:
    two = ("encoder.layers.0", "encoder.layers.1")
    assert never_firing(counts(layers=two), "encoder") == 4 / 8
    assert mask_shares(masks(layers=two), "encoder") == MaskShares(masked=1 / 8, differing=2 / 8)


def test_a_stack_without_layers_has_no_share() -> None:
    one = {"layers": ("encoder.layers.0",)}
    assert never_firing(counts(token_LNF=COUNT_LNF[:, :1], **one), "decoder") is None
    assert mask_shares(masks(mask_LNF=MASK_LNF[:, :1], **one), "decoder") is None


def test_the_sparsity_of_a_layer_is_the_mean_over_directions() -> None:
    mask_LNF = MASK_LNF.copy()
    mask_LNF[0, 1, 0] = False
    assert layer_sparsity(masks(mask_LNF=mask_LNF)) == {
        "encoder.layers.0": 4 / 8,
        "decoder.layers.0": 1 / 8,
    }
