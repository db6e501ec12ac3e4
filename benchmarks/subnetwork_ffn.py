"""Time of one FFN, forward and backward: dense, and masked in each way.

    python -m benchmarks subnetwork_ffn [--device cuda] [--precision bf16] [--tokens N] [--keep]

- dense: relu(x W1' + b1) W2' + b2, the baseline
- weight mask: W1 times a full boolean matrix in every forward pass, the published code's way
- reference: rows of zeros in W1 where a neuron is masked
- compact: only the active rows and columns
- auto: the one of these that trains; on a CPU always compact
"""

import argparse
from functools import partial

import torch
from benchmarks.models import DTYPES, SHAPES, Shape
from benchmarks.paired import Row, compare, keep, make_parser, show, start
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.subnetwork import Form, install_subnetworks

FORMS: tuple[Form, ...] = ("reference", "compact", "auto")
KEPT = 0.78  # of the neurons at k = 95 (paper, Figure 5)


class FFN(nn.Module):
    """A feed-forward network, dense unless its layers are replaced."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.fc1 = nn.Linear(shape.d_model, shape.d_ff)
        self.fc2 = nn.Linear(shape.d_ff, shape.d_model)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D]."""
        return self.fc2(functional.relu(self.fc1(x_TBD)))


class WeightMaskedFFN(FFN):
    """W1 is multiplied by a full boolean matrix."""

    def __init__(self, shape: Shape, mask_F: Tensor):
        super().__init__(shape)
        mask_FD = mask_F[:, None].expand(-1, shape.d_model).contiguous()
        self.register_buffer("mask_FD", mask_FD)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D]."""
        hidden_TBF = functional.linear(x_TBD, self.fc1.weight * self.mask_FD, self.fc1.bias)
        return self.fc2(functional.relu(hidden_TBF))


def make_ffns(shape: Shape) -> dict[str, FFN]:
    """All forms with one mask."""
    mask_F = torch.rand(shape.d_ff) < KEPT
    ffns = {"dense": FFN(shape), "weight mask": WeightMaskedFFN(shape, mask_F)}
    for name in FORMS:
        ffns[name] = FFN(shape)
        state = DirectionState(direction=0)
        install_subnetworks([ffns[name]], [mask_F[None]], state, form=name)
    return ffns


def step(ffn: FFN, x_TBD: Tensor) -> None:
    """A forward and backward pass."""
    ffn(x_TBD).sum().backward()


def measure(shape: Shape, options: argparse.Namespace) -> dict[str, Row]:
    """Times of all forms."""
    torch.manual_seed(0)
    place = {"device": options.device, "dtype": DTYPES[options.precision]}
    ffns = {name: ffn.to(**place) for name, ffn in make_ffns(shape).items()}
    sentences = (options.tokens or shape.max_tokens) // shape.longest
    x_TBD = torch.randn(shape.longest, sentences, shape.d_model, requires_grad=True, **place)
    sides = {name: partial(step, ffn, x_TBD) for name, ffn in ffns.items()}
    return compare(sides, rounds=options.rounds, warm_up=2, device=options.device)


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=15)
    parser.add_argument("--precision", choices=DTYPES, default="fp32", help="(%(default)s)")
    parser.add_argument("--tokens", type=int, help="of a batch (the paper's)")
    options = start(parser)
    results = {}
    for name in ("mT-small", "mT-big"):
        results[name] = measure(SHAPES[name], options)
        print(name)
        show(results[name])
    tokens = f".{options.tokens}_tokens" if options.tokens else ""
    keep(f"subnetwork_ffn.{options.precision}{tokens}", options, results)


if __name__ == "__main__":
    main()
