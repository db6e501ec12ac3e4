"""The product of weights and packed bits in one pass over the weights, on a GPU."""

import torch
import triton
from torch import Tensor
from triton import language as tl

BLOCK = 1024  # weights of a program


@triton.jit  # type: ignore[untyped-decorator]
def keep_block(weight, bits, kept, num_weights, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write a block of the weights, zeros where the bit is 0."""
    index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = index < num_weights
    byte = tl.load(bits + index // 8, mask=inside, other=0)
    value = tl.load(weight + index, mask=inside, other=0.0)
    bit = (byte >> (7 - index % 8).to(tl.uint8)) & 1
    tl.store(kept + index, tl.where(bit == 1, value, 0.0), mask=inside)


def keep_weights_in_one_pass(weight_OI: Tensor, bits_P: Tensor) -> Tensor:
    """`packed_bits.keep_weights`: the same arguments and result."""
    weight_OI = weight_OI.contiguous()
    kept_OI = torch.empty_like(weight_OI)
    programs = (triton.cdiv(weight_OI.numel(), BLOCK),)
    keep_block[programs](weight_OI, bits_P, kept_OI, weight_OI.numel(), BLOCK=BLOCK)
    return kept_OI
