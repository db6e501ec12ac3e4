"""Run the kernel for packed bits in a separate process, as triton sets its mode when imported."""

import sys

import torch

from neuron_specialization.methods.packed_bits import keep_weights_in_one_pass
from tests.methods.test_packed_bits import DTYPES, SHAPES, make

device, count = sys.argv[1], 0
for shape in SHAPES:
    for dtype in DTYPES:
        mask_OI, bits_P = make(shape)
        weight_OI = torch.randn(shape).to(dtype).to(device)
        kept_OI = keep_weights_in_one_pass(weight_OI, bits_P.to(device))
        assert torch.equal(kept_OI, weight_OI * mask_OI.to(device)), (shape, dtype)
        count += 1
print(f"{count} products")
