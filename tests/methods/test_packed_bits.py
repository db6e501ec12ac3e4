"""Products of weights and packed bits: torch's and the GPU kernel against plain booleans."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_specialization.methods.packed_bits import byte_table, keep_weights

SHAPES = [(1, 1), (3, 5), (2, 4), (7, 9), (33, 64), (100, 77)]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def make(shape: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a mask and its bits."""
    mask_OI = np.random.default_rng(0).random(shape) < 0.6
    return torch.from_numpy(mask_OI), torch.from_numpy(np.packbits(mask_OI))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_keeps_the_weights_of_numpys_bits(shape: tuple[int, int], dtype: torch.dtype) -> None:
    mask_OI, bits_P = make(shape)
    weight_OI = torch.randn(shape).to(dtype)
    kept_OI = keep_weights(weight_OI, bits_P)
    assert kept_OI.dtype == dtype
    assert torch.equal(kept_OI, weight_OI * mask_OI)


def test_a_gradient_may_be_a_view() -> None:
    mask_OI, bits_P = make((4, 6))
    weight_IO = torch.randn(6, 4)
    assert torch.equal(keep_weights(weight_IO.t(), bits_P), weight_IO.t() * mask_OI)
    assert torch.equal(keep_weights(torch.ones(()).expand(4, 6), bits_P), mask_OI.float())


def test_training_may_follow_inference() -> None:
    byte_table.cache_clear()
    _, bits_P = make((4, 6))
    weight_OI = torch.randn(4, 6, requires_grad=True)
    with torch.inference_mode():
        keep_weights(weight_OI, bits_P)
    keep_weights(weight_OI, bits_P).sum().backward()  # saves the table for it


@pytest.mark.skipif(
    find_spec("triton") is None, reason="no triton, which CUDA builds of torch include"
)
def test_the_kernel_keeps_the_same_weights(project: Path) -> None:
    """Run on a GPU, or in triton's interpreter if there is none."""
    gpu = torch.cuda.is_available()
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project / "src"), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-m", "tests.methods.run_kernel", "cuda" if gpu else "cpu"],
        env=variables if gpu else variables | {"TRITON_INTERPRET": "1"},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "18 products\n"
