"""Products of weights and masks of one bit per weight, without the mask in memory.

Bits are in NumPy's order, the first in the highest place of its byte.
Axes: O output features, I input features, P bytes of packed bits.
"""

from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional

HAS_TRITON = find_spec("triton") is not None


def keep_weights(weight_OI: Tensor, bits_P: Tensor) -> Tensor:
    """The weights whose bit is 1, zeros in place of the others.

    Args:
        weight_OI: weights, or their gradient, [O, I].
        bits_P: their bits in row-major order, uint8 [P] with P = ceil(O * I / 8).
    """
    if weight_OI.is_cuda and HAS_TRITON:
        from neuron_specialization.methods.packed_bits_kernel import keep_weights_in_one_pass

        return keep_weights_in_one_pass(weight_OI, bits_P)
    # looking bytes up is faster than shifting, and here faster than a product with booleans
    kept_P8 = functional.embedding(bits_P.int(), byte_table(weight_OI.device, weight_OI.dtype))
    return weight_OI * kept_P8.flatten()[: weight_OI.numel()].view_as(weight_OI)


@lru_cache
def byte_table(device: torch.device, dtype: torch.dtype) -> Tensor:
    """The bits of every byte as numbers 0 and 1, [256, 8]."""
    with torch.inference_mode(False):  # it is used in training too, whoever asks first
        byte_256 = torch.arange(256, dtype=torch.int32, device=device)
        places_8 = torch.arange(7, -1, -1, dtype=torch.int32, device=device)
        return (byte_256.unsqueeze(1).bitwise_right_shift(places_8) & 1).to(dtype)
