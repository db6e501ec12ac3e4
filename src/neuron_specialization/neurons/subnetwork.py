"""The FFN in which each direction uses only its neurons (paper, section 4.2, Eq. 3).

A masked neuron's row of W1 is zero, but its bias stays: it emits the constant relu(b1). The same
function has two forms:

- reference: rows of W1 are zero where the mask is zero; sentences of a batch may have different
  directions, for which relu(where(mask, W1 x + b1, b1)) is equivalent;
- compact: only the active rows of W1 and columns of W2 are multiplied, and the constants of the
  others are folded into the bias of W2; a batch has one direction, and there must be no dropout
  between the two layers. It does less work than the dense FFN.

On a GPU, gathering rows and columns takes longer than small products, so there `auto` is compact
only for large ones (docs/performance.md).

Axes: T tokens, B sentences, D model width, L directions, F FFN neurons, A computed neurons (the
active ones, plus some that pad to a multiple of 8 in half precision).
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.neurons.direction_state import DirectionState

PAD_MULTIPLE = {torch.float16: 8, torch.bfloat16: 8}
"""Pad the number of computed neurons to this multiple (16-byte tensor-core rows), by dtype."""

WORTHWHILE = {torch.float32: 3e9, torch.float16: 3e10, torch.bfloat16: 3e10}
"""Products of a weight and an activation that the compact form must save in a layer to be faster
on a GPU, by dtype; measured on an H100, on which gathering takes about 0.7 ms."""

Form = Literal["auto", "compact", "reference"]


class SubnetworkFC1(nn.Module):
    """fc1 (D -> F) of a sub-network FFN; holds the masks. It shares the parameters of `fc1`."""

    mask_LF: Tensor
    order_LF: Tensor

    def __init__(self, fc1: nn.Linear, mask_LF: Tensor, state: DirectionState, form: Form):
        super().__init__()
        self.weight, self.bias = fc1.weight, fc1.bias
        self.state, self.form = state, form
        self.num_active = mask_LF.sum(dim=1).tolist()
        self.register_buffer("mask_LF", mask_LF, persistent=False)
        # active neurons first, both parts by index, so that one tensor serves all directions
        order_LF = torch.argsort(mask_LF.logical_not().to(torch.uint8), dim=1, stable=True)
        self.register_buffer("order_LF", order_LF, persistent=False)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> pre-activations [T, B, A] (compact) or [T, B, F]."""
        if (direction := self.state.direction) is None:
            pre_TBF = functional.linear(x_TBD, self.weight, self.bias)
            if (direction_B := self.state.direction_B) is None:
                return pre_TBF
            return torch.where(self.mask_LF[direction_B], pre_TBF, self.bias)
        computed_A, _ = self.split_neurons(direction)
        if self.is_compact(x_TBD, computed_A):
            weight_AD = self.weight.index_select(0, computed_A)
            return functional.linear(x_TBD, weight_AD, self.bias.index_select(0, computed_A))
        weight_FD = torch.where(self.mask_LF[direction].unsqueeze(1), self.weight, 0)
        return functional.linear(x_TBD, weight_FD, self.bias)

    def is_compact(self, x_TBD: Tensor, computed_A: Tensor) -> bool:
        """Return whether to compute only these neurons, which fc2 recognises by their number."""
        num_saved = self.bias.numel() - computed_A.numel()
        if self.form == "auto" and x_TBD.is_cuda:
            return x_TBD.numel() * num_saved > WORTHWHILE[x_TBD.dtype]
        return self.form != "reference" and num_saved > 0

    def split_neurons(self, direction: int) -> tuple[Tensor, Tensor]:
        """Return the indices of the neurons to compute for a direction, and of its masked neurons.

        Some masked neurons may be in both, to fill up a multiple; they come last in the former.
        """
        order_F, num_active = self.order_LF[direction], self.num_active[direction]
        multiple = PAD_MULTIPLE.get(self.weight.dtype, 1)
        return order_F[: -(-num_active // multiple) * multiple], order_F[num_active:]


class SubnetworkFC2(nn.Module):
    """fc2 (F -> D) of a sub-network FFN. It shares the parameters of `fc2`."""

    def __init__(self, fc2: nn.Linear, fc1: SubnetworkFC1):
        super().__init__()
        self.weight, self.bias = fc2.weight, fc2.bias
        self.fc1 = (fc1,)  # in a tuple, so that fc1 does not become a submodule a second time

    def forward(self, hidden_TBF: Tensor) -> Tensor:
        """[T, B, A] (compact) or [T, B, F] -> [T, B, D]."""
        (fc1,) = self.fc1
        direction = fc1.state.direction
        if direction is None or hidden_TBF.size(-1) == self.weight.size(1):
            return functional.linear(hidden_TBF, self.weight, self.bias)
        computed_A, masked = fc1.split_neurons(direction)
        constant_D = functional.linear(
            functional.relu(fc1.bias.index_select(0, masked)),
            self.weight.index_select(1, masked),
            self.bias,
        )
        weight_DA = self.weight.index_select(1, computed_A)
        num_active = fc1.num_active[direction]
        if num_active < computed_A.numel():
            weight_DA[:, num_active:] = 0  # their constants are in the bias
        return functional.linear(hidden_TBF, weight_DA, constant_D)


def install_subnetworks(
    layers: Iterable[Any], masks_LF: Iterable[Tensor], state: DirectionState, *, form: Form
) -> None:
    """Replace fc1 and fc2 of each layer by their sub-network forms, keeping the parameters.

    Args:
        layers: modules with `fc1` and `fc2` (nn.Linear) and a ReLU between them.
        masks_LF: one boolean [L, F] mask for each of the layers.
        state: contains the direction of each forward pass.
        form: form for batches of one direction; `auto` depends on the device and the savings.
    """
    for layer, mask_LF in zip(layers, masks_LF, strict=True):
        layer.fc1 = SubnetworkFC1(layer.fc1, mask_LF, state, form)
        layer.fc2 = SubnetworkFC2(layer.fc2, layer.fc1)
