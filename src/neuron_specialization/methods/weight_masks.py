"""LaSS: a sub-network of weights per direction (Lin et al., 2021), found by magnitude pruning.

Axes: L directions, O output features, I input features, P bytes of packed bits.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.errors import InputError
from neuron_specialization.methods.packed_bits import keep_weights
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.storage import Provenance, check, read_arrays, write_arrays


def keep_largest(weight_OI: Tensor, pruning: float) -> Tensor:
    """Return the mask of a tensor's largest weights by magnitude.

    Of n weights, floor(pruning * n) are removed, with all that tie with the last of them. The mask
    has the same shape as the tensor, which may be any, and is True for the weights that are kept.
    """
    if not 0 <= pruning <= 1:
        raise InputError(f"pruning is {pruning}: it is the share of weights to remove, 0 to 1")
    magnitude_OI = weight_OI.abs().float()
    num_removed = math.floor(magnitude_OI.numel() * Fraction(str(pruning)))
    if num_removed == 0:
        return torch.ones_like(magnitude_OI, dtype=torch.bool)
    return magnitude_OI > magnitude_OI.flatten().kthvalue(num_removed).values


@dataclass(frozen=True, kw_only=True)
class WeightMasks:
    """Weight masks of each direction: one bit per weight, packed in memory and on disk."""

    directions: tuple[str, ...]
    """Directions in the order of axis L."""
    shapes: Mapping[str, tuple[int, int]]
    """Output and input features of each masked tensor, by its name in the state dict."""
    bits: Mapping[str, NDArray[np.uint8]]
    """The masks of each tensor, [L, P], the weights of a direction in row-major order."""
    provenance: Provenance
    """Origin of the masks: pruning and parent model."""

    @classmethod
    def pack(
        cls, direction: str, mask_by_tensor: Mapping[str, Tensor], provenance: Provenance
    ) -> "WeightMasks":
        """Pack the masks [O, I] of one direction."""
        return cls(
            directions=(direction,),
            shapes={name: (mask.shape[0], mask.shape[1]) for name, mask in mask_by_tensor.items()},
            bits={
                name: np.packbits(mask.cpu().numpy().reshape(1, -1), axis=1)
                for name, mask in mask_by_tensor.items()
            },
            provenance=provenance,
        )

    @classmethod
    def join(cls, parts: Sequence["WeightMasks"]) -> "WeightMasks":
        """Join the masks of several parts, which have different directions but the same tensors."""
        parts = [part for part in parts if part.directions]
        if not parts:
            return cls(directions=(), shapes={}, bits={}, provenance={})
        if any(part.shapes != parts[0].shapes for part in parts):
            raise InputError("weight masks of different architectures cannot be joined")
        directions = tuple(direction for part in parts for direction in part.directions)

        return cls(
            directions=directions,
            shapes=parts[0].shapes,
            bits={
                name: np.concatenate([part.bits[name] for part in parts])
                for name in parts[0].shapes
            },
            provenance=parts[0].provenance,
        )

    def save(self, path: Path) -> None:
        """Write to `path` (.npz)."""
        nothing = np.zeros((len(self.directions), 0), dtype=np.uint8)
        arrays: dict[str, NDArray[Any]] = {
            "bits": np.hstack([nothing, *self.bits.values()]),
            "shapes": np.array(list(self.shapes.values()), dtype=np.int64),
        }
        labels = {"directions": self.directions, "tensors": tuple(self.shapes)}
        write_arrays(path, arrays, labels, self.provenance)

    @classmethod
    def load(cls, path: Path) -> "WeightMasks":
        """Read from `path`; raise InputError if the file is missing, damaged or something else."""
        arrays = read_arrays(path, ("bits", "shapes", "directions", "tensors"))
        check_weight_masks(arrays, path)
        shapes = {
            name: (int(rows), int(columns))
            for name, (rows, columns) in zip(
                arrays["tensors"].tolist(), arrays["shapes"], strict=True
            )
        }
        ends = np.cumsum([math.ceil(math.prod(shape) / 8) for shape in shapes.values()])
        return cls(
            directions=tuple(arrays["directions"].tolist()),
            shapes=shapes,
            bits=dict(zip(shapes, np.split(arrays["bits"], ends, axis=1), strict=False)),
            provenance=json.loads(str(arrays["provenance"])),
        )


def check_weight_masks(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Raise InputError if the bits are not those of the tensors and directions."""
    shapes, bits = arrays["shapes"], arrays["bits"]
    tensors = len(arrays["tensors"])
    valid = shapes.dtype.kind in "iu" and (
        shapes.shape == (tensors, 2) or shapes.size == tensors == 0
    )
    check(valid and bool((shapes > 0).all()), path, "shapes")
    width = sum(-(-int(rows) * int(columns) // 8) for rows, columns in shapes)
    valid = bits.dtype == np.uint8 and bits.shape == (len(arrays["directions"]), width)
    check(valid, path, "bits")


class KeptWeights(torch.autograd.Function):
    """Weights with zeros where a direction has none, and the same for their gradient.

    The mask is unpacked for each product; only its bits are kept for the backward pass.
    """

    @staticmethod
    def forward(ctx: Any, weight_OI: Tensor, bits_P: Tensor) -> Tensor:
        """[O, I] -> [O, I]."""
        ctx.save_for_backward(bits_P)
        return keep_weights(weight_OI, bits_P)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Convert the gradient of the masked weights [O, I] to the gradient of all weights."""
        (bits_P,), (gradient_OI,) = ctx.saved_tensors, gradients
        return keep_weights(gradient_OI, bits_P), None


class MaskedLinear(nn.Module):
    """A linear layer whose `weight` has zeros where the current direction has no weight.

    Attention reads the weights of its projections by name instead of calling them, so the mask
    acts on the attribute. The parameter keeps its name in checkpoints, and a masked weight gets
    a gradient of zero. The masks of all directions stay packed.
    """

    bits_LP: Tensor

    def __init__(self, linear: nn.Linear, bits_LP: Tensor, state: DirectionState):
        super().__init__()
        assert isinstance(linear.weight, nn.Parameter)
        self._parameters["weight"] = linear.weight  # the attribute is the property below
        self.bias = linear.bias
        self.register_buffer("bits_LP", bits_LP, persistent=False)
        self.state = state
        self.materialised: tuple[int, Tensor] | None = None

    @property
    def weight(self) -> Tensor:
        """The weights of the current direction, [O, I]; all weights if there is none."""
        weight_OI, direction = self._parameters["weight"], self.state.direction
        assert weight_OI is not None
        if direction is None:
            return weight_OI
        if self.training or torch.is_grad_enabled():
            return KeptWeights.apply(weight_OI, self.bits_LP[direction])
        # no gradients: multiply once per direction, not once per decoded token
        if self.materialised is None or self.materialised[0] != direction:
            self.materialised = direction, keep_weights(weight_OI, self.bits_LP[direction])
        return self.materialised[1]

    def train(self, mode: bool = True) -> "MaskedLinear":
        """Discard the cached product, because weights may change from here on."""
        self.materialised = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> "MaskedLinear":
        """Discard the cached product, which is on the old device or in the old precision."""
        self.materialised = None
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Discard the cached product of the old weights."""
        self.materialised = None
        super()._load_from_state_dict(*args, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        """[..., I] -> [..., O]."""
        return functional.linear(x, self.weight, self.bias)


def install_masked_weights(
    model: nn.Module, masks: WeightMasks, directions: Sequence[str], state: DirectionState
) -> None:
    """Replace the linear layers that have masks by `MaskedLinear`, keeping their parameters.

    The state dict of the model contains the masked tensors; `directions` are in the order of
    `state.direction`.
    """
    rows = [masks.directions.index(direction) for direction in directions]
    for name in masks.shapes:
        path = name.removesuffix(".weight")
        parent, _, child = path.rpartition(".")
        bits_LP = torch.from_numpy(masks.bits[name][rows])
        linear: Any = model.get_submodule(path)
        setattr(model.get_submodule(parent), child, MaskedLinear(linear, bits_LP, state))
