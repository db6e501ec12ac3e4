"""Multiply weights by masks of one bit per weight, without storing the unpacked masks.

Bits are in NumPy's order: the first is the most significant bit of its byte.
Axes: O output features, I input features, P bytes of packed bits.
"""

from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional

HAS_TRITON = find_spec("triton") is not None  # CUDA builds of torch include it
BLOCK = 1024  # weights per program of the kernel

if HAS_TRITON:
    import triton
    from triton import language as tl

    @triton.jit  # type: ignore[untyped-decorator]
    def keep_block(weight, bits, kept, num_weights, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
        """Write a block of the weights, with zeros where the bit is 0."""
        index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = index < num_weights
        byte = tl.load(bits + index // 8, mask=inside, other=0)
        value = tl.load(weight + index, mask=inside, other=0.0)
        bit = (byte >> (7 - index % 8).to(tl.uint8)) & 1
        tl.store(kept + index, tl.where(bit == 1, value, 0.0), mask=inside)


def keep_weights(weight_OI: Tensor, bits_P: Tensor) -> Tensor:
    """Return the weights whose bit is 1, with zeros in place of the others.

    The input may also be a gradient. Bits are in row-major order, uint8 [P] with
    P = ceil(O * I / 8).
    """
    if weight_OI.is_cuda and HAS_TRITON:
        return keep_weights_in_one_pass(weight_OI, bits_P)
    # table look-up is faster than shifting, and here faster than multiplying by booleans
    kept_P8 = functional.embedding(bits_P.int(), byte_table(weight_OI.device, weight_OI.dtype))
    return weight_OI * kept_P8.flatten()[: weight_OI.numel()].view_as(weight_OI)


def keep_weights_in_one_pass(weight_OI: Tensor, bits_P: Tensor) -> Tensor:
    """Compute `keep_weights` in one pass over the weights, by the kernel."""
    weight_OI = weight_OI.contiguous()
    kept_OI = torch.empty_like(weight_OI)
    programs = (triton.cdiv(weight_OI.numel(), BLOCK),)
    keep_block[programs](weight_OI, bits_P, kept_OI, weight_OI.numel(), BLOCK=BLOCK)
    return kept_OI


@lru_cache
def byte_table(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the bits of every byte as numbers 0 and 1, [256, 8]."""
    with torch.inference_mode(False):  # cached: training may use it after inference
        byte_256 = torch.arange(256, dtype=torch.int32, device=device)
        places_8 = torch.arange(7, -1, -1, dtype=torch.int32, device=device)
        return (byte_256.unsqueeze(1).bitwise_right_shift(places_8) & 1).to(dtype)
