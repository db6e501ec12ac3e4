"""The published code's weight masks, reimplemented from their description for comparison.

Every linear layer keeps its parameter under another name and a full boolean matrix for each
direction, as parameters on the device. Before each batch the weight of every layer is set to their
product for the batch's direction, or to the parameter if it has no mask. The pipeline uses nothing
from this module.

Axes: O output features, I input features.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.storage import Masks


class OfficialMasks:
    """Full boolean masks for the linear layers of a model."""

    def __init__(self, model: nn.Module, masks_by_layer: Mapping[str, Sequence[Tensor]]):
        """Store the masks [O, I] of every direction by the name of the layer."""
        self.linears = {
            name: each for name, each in model.named_modules() if isinstance(each, nn.Linear)
        }
        for name, linear in self.linears.items():
            weight_OI = linear._parameters.pop("weight")
            linear.register_parameter("global_weight", weight_OI)
            for number, mask_OI in enumerate(masks_by_layer.get(name, ())):
                parameter = nn.Parameter(mask_OI.to(weight_OI.device), requires_grad=False)
                linear.register_parameter(f"mask_{number}", parameter)
        self.masked = set(masks_by_layer)

    def choose(self, direction: int) -> None:
        """Set all weights for a direction, as the published code does for every batch."""
        for name, linear in self.linears.items():
            weight_OI = linear.global_weight
            if name in self.masked:
                weight_OI = linear.get_parameter(f"mask_{direction}") * weight_OI
            linear.__dict__["weight"] = weight_OI


def widen(masks: Masks, d_model: int) -> dict[str, list[Tensor]]:
    """Return neuron masks as full matrices [F, D] of every first layer, by its name."""
    return {
        f"{layer}.fc1": [
            torch.from_numpy(mask_NF[n])[:, None].expand(-1, d_model).contiguous()
            for mask_NF in masks.mask_LNF
        ]
        for n, layer in enumerate(masks.layers)
    }


def unpack(masks: WeightMasks) -> dict[str, list[Tensor]]:
    """Return packed weight masks as full matrices [O, I], by the name of the layer."""
    return {
        name.removesuffix(".weight"): [
            torch.from_numpy(np.unpackbits(row, count=math.prod(shape)).reshape(shape)).bool()
            for row in masks.bits[name]
        ]
        for name, shape in masks.shapes.items()
    }
