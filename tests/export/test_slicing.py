"""The FFN of only a direction's neurons equals the sub-network FFN."""

import pytest
import torch
from torch import nn

from neuron_specialization.export.slicing import (
    PARTS,
    ffn_widths,
    keep_neurons,
    pad_neurons,
    pad_state,
    slice_state,
)
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.subnetwork import SubnetworkFC1, SubnetworkFC2


def test_exact_values() -> None:
    ffn = (
        torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        torch.tensor([10.0, 0.5, -2.0]),
        torch.tensor([[1.0, 2.0, 4.0], [1.0, -2.0, 4.0]]),
        torch.tensor([0.25, 0.25]),
    )
    weight1, bias1, weight2, bias2 = keep_neurons(ffn, torch.tensor([True, False, False]))
    assert weight1.tolist() == [[1, 2]]
    assert bias1.tolist() == [10]
    assert weight2.tolist() == [[1], [1]]
    assert bias2.tolist() == [0.25 + 2 * 0.5, 0.25 - 2 * 0.5]  # the last emits relu(-2) = 0
    padded = pad_neurons((weight1, bias1, weight2, bias2), 2)
    assert [tensor.tolist() for tensor in padded] == [
        [[1, 2], [0, 0]], [10, 0], [[1, 0], [1, 0]], [1.25, -0.75],
    ]  # fmt: skip


@pytest.mark.parametrize("active", [0, 1, 5, 8])
def test_slices_equal_the_reference_form(active: int) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(4, 8), nn.Linear(8, 4)
    layer = "encoder.layers.0"
    values = (first.weight, first.bias, second.weight, second.bias)
    tensors = {f"{layer}.{part}": v.detach() for part, v in zip(PARTS, values, strict=True)}
    mask_F = torch.randperm(8) < active
    fc1 = SubnetworkFC1(first, mask_F.unsqueeze(0), DirectionState(direction=0), form="reference")
    x_TBD = torch.randn(3, 2, 4)
    expected = SubnetworkFC2(second, fc1)(torch.relu(fc1(x_TBD)))
    sliced = slice_state(tensors, {layer: mask_F})
    assert ffn_widths(sliced) == {layer: active}
    assert ffn_widths(tensors) == {layer: 8}  # the original is unchanged
    for state in (sliced, pad_state(sliced, {layer: 11})):
        weight1, bias1, weight2, bias2 = (state[f"{layer}.{part}"] for part in PARTS)
        found = torch.relu(x_TBD @ weight1.T + bias1) @ weight2.T + bias2
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
