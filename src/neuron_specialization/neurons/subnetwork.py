"""The FFN in which each direction uses only its own neurons (paper, section 3.3, Eq. 3).

A masked neuron's row of W1 is zero, its bias stays: it emits the constant relu(b1). The same
function in two forms:

- reference: relu(where(mask, W1 x + b1, b1)); sentences of a batch may have different directions;
- compact: only the active rows of W1 and columns of W2 are multiplied, the constants of the
  others are folded into the bias of W2; a batch has one direction, and there must be no dropout
  between the two layers. It does less work than the dense FFN.

Axes: T tokens, B sentences, D model width, L directions, F FFN neurons, A computed neurons (the
active ones, and what fills up a multiple of 8 in half precision).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.direction_state import DirectionState

MULTIPLE = {torch.float16: 8, torch.bfloat16: 8}
"""Tensor cores take rows of 16 bytes: so many neurons of a matrix product, by its precision."""


class SubnetworkFC1(nn.Module):
    """fc1 (D -> F) of a sub-network FFN; holds the masks. Parameters are those of `fc1`."""

    mask_LF: Tensor
    order_LF: Tensor

    def __init__(self, fc1: nn.Linear, mask_LF: Tensor, state: DirectionState, compact: bool):
        super().__init__()
        self.weight, self.bias = fc1.weight, fc1.bias
        self.state, self.compact = state, compact
        self.num_active = mask_LF.sum(dim=1).tolist()
        self.register_buffer("mask_LF", mask_LF, persistent=False)
        # active neurons first, both parts by index: one tensor serves all directions
        order_LF = torch.argsort(mask_LF.logical_not().to(torch.uint8), dim=1, stable=True)
        self.register_buffer("order_LF", order_LF, persistent=False)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> pre-activations [T, B, A] (compact) or [T, B, F]."""
        state = self.state
        if self.compact and state.direction is not None:
            computed_A, _ = self.split_neurons(state.direction)
            return functional.linear(
                x_TBD,
                self.weight.index_select(0, computed_A),
                self.bias.index_select(0, computed_A),
            )
        pre_TBF = functional.linear(x_TBD, self.weight, self.bias)
        if state.direction is not None:
            return torch.where(self.mask_LF[state.direction], pre_TBF, self.bias)
        if state.direction_B is not None:
            return torch.where(self.mask_LF[state.direction_B], pre_TBF, self.bias)
        return pre_TBF

    def split_neurons(self, direction: int) -> tuple[Tensor, Tensor]:
        """Indices of the neurons to compute for a direction, and of those it masks.

        Some masked ones are in both, to fill up a multiple: they are the last of the former.
        """
        order_F, num_active = self.order_LF[direction], self.num_active[direction]
        multiple = MULTIPLE.get(self.weight.dtype, 1)
        return order_F[: -(-num_active // multiple) * multiple], order_F[num_active:]


class SubnetworkFC2(nn.Module):
    """fc2 (F -> D) of a sub-network FFN. Parameters are those of `fc2`."""

    def __init__(self, fc2: nn.Linear, fc1: SubnetworkFC1):
        super().__init__()
        self.weight, self.bias = fc2.weight, fc2.bias
        self.fc1 = (fc1,)  # in a tuple, so that fc1 does not become a submodule a second time

    def forward(self, hidden_TBF: Tensor) -> Tensor:
        """[T, B, A] (compact) or [T, B, F] -> [T, B, D]."""
        (fc1,) = self.fc1
        if not fc1.compact or fc1.state.direction is None:
            return functional.linear(hidden_TBF, self.weight, self.bias)
        computed_A, masked = fc1.split_neurons(fc1.state.direction)
        constant_D = functional.linear(
            functional.relu(fc1.bias.index_select(0, masked)),
            self.weight.index_select(1, masked),
            self.bias,
        )
        weight_DA = self.weight.index_select(1, computed_A)
        num_active = fc1.num_active[fc1.state.direction]
        if num_active < computed_A.numel():
            weight_DA[:, num_active:] = 0  # their constants are in the bias
        return functional.linear(hidden_TBF, weight_DA, constant_D)


def install_subnetworks(
    layers: Iterable[Any], mask_NLF: Iterable[Tensor], state: DirectionState, *, compact: bool
) -> None:
    """Replace fc1 and fc2 of each layer by their sub-network forms, keeping the parameters.

    Args:
        layers: modules with `fc1` and `fc2` (nn.Linear) and a ReLU between them.
        mask_NLF: one boolean [L, F] mask for each of the layers.
        state: names the direction of each forward pass.
        compact: use the compact form for batches of one direction.
    """
    for layer, mask_LF in zip(layers, mask_NLF, strict=True):
        layer.fc1 = SubnetworkFC1(layer.fc1, mask_LF, state, compact)
        layer.fc2 = SubnetworkFC2(layer.fc2, layer.fc1)
