"""The FFN of one direction as plain layers of its active neurons (paper, section 4.2, Eq. 3).

A masked neuron emits the constant relu(b1) (`neurons/subnetwork.py`). The product of W2 and these
constants is added to the bias of W2, and the masked neurons are removed.

Axes: D model width, F FFN neurons, A active neurons, P neurons after padding.
"""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor
from torch.nn import functional

Ffn = tuple[Tensor, Tensor, Tensor, Tensor]
"""Weight and bias of fc1, weight and bias of fc2."""
PARTS = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")


def slice_state(
    tensors: Mapping[str, Tensor], mask_F_by_layer: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the state dict of a direction's sub-network; layers without a mask keep all neurons.

    `tensors` have fc1 [F, D] and fc2 [D, F]; `mask_F_by_layer` has keys such as
    `encoder.layers.0` and is True for active neurons. The result has fc1 [A, D] and fc2 [D, A]; A
    differs by layer and is 0 if all neurons are masked.
    """
    sliced = dict(tensors)
    for layer, mask_F in mask_F_by_layer.items():
        change_ffn(sliced, layer, partial(keep_neurons, mask_F=mask_F))
    return sliced


def pad_state(tensors: Mapping[str, Tensor], widths: Mapping[str, int]) -> dict[str, Tensor]:
    """Return an equivalent state dict with wider FFNs: the added neurons emit 0.

    `tensors` have fc1 [A, D] and fc2 [D, A]; `widths` are P by the names of layers, none below A.
    """
    padded = dict(tensors)
    for layer, width in widths.items():
        change_ffn(padded, layer, partial(pad_neurons, width=width))
    return padded


def ffn_widths(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the number of neurons of each layer by name, in the order of the state dict."""
    ending = f".{PARTS[1]}"
    return {
        name.removesuffix(ending): tensor.numel()
        for name, tensor in tensors.items()
        if name.endswith(ending)
    }


def change_ffn(tensors: dict[str, Tensor], layer: str, change: Callable[[Ffn], Ffn]) -> None:
    """Replace the four tensors of a layer's FFN."""
    first, second, third, fourth = (f"{layer}.{part}" for part in PARTS)
    changed = change((tensors[first], tensors[second], tensors[third], tensors[fourth]))
    tensors.update(zip((first, second, third, fourth), changed, strict=True))


def keep_neurons(ffn: Ffn, mask_F: Tensor) -> Ffn:
    """Keep the active neurons of an FFN; add the others' constants to the last bias, in double.

    Weights and biases [F, D], [F], [D, F], [D] become [A, D], [A], [D, A], [D].
    """
    weight1_FD, bias1_F, weight2_DF, bias2_D = ffn
    masked = ~mask_F
    constant_D = weight2_DF[:, masked].double() @ functional.relu(bias1_F[masked].double())
    return (
        weight1_FD[mask_F],
        bias1_F[mask_F],
        weight2_DF[:, mask_F].contiguous(),
        (bias2_D.double() + constant_D).to(bias2_D.dtype),
    )


def pad_neurons(ffn: Ffn, width: int) -> Ffn:
    """Pad an FFN to `width` neurons with rows, biases and columns of zeros."""
    weight1_AD, bias1_A, weight2_DA, bias2_D = ffn
    missing = width - bias1_A.numel()
    return (
        functional.pad(weight1_AD, (0, 0, 0, missing)),
        functional.pad(bias1_A, (0, missing)),
        functional.pad(weight2_DA, (0, missing)),
        bias2_D,
    )


def zero_rows(
    tensors: Mapping[str, Tensor], mask_F_by_layer: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return an equivalent state dict of unchanged shapes: masked rows of fc1 are zero (Eq. 3)."""
    zeroed = dict(tensors)
    for layer, mask_F in mask_F_by_layer.items():
        name = f"{layer}.{PARTS[0]}"
        zeroed[name] = tensors[name] * mask_F.unsqueeze(1)
    return zeroed
