"""Time of one FFN, forward and backward: dense, and masked in three ways.

    python benchmarks/subnetwork_ffn.py [--device cuda] [--json FILE]

- dense: relu(x W1' + b1) W2' + b2, the baseline
- weight mask: W1 times a full boolean matrix in every forward pass, the published code's way
- reference: the bias alone where a neuron is masked
- compact: only the active rows and columns

All four run in turn, round after round, so that a noisy machine disturbs them alike. Printed is
the median time of a step, its quartiles, and the ratio of medians to dense.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.direction_state import DirectionState
from neuron_specialization.neurons.subnetwork import install_subnetworks

# name: (model width D, neurons F, tokens of a batch)
SIZES = {"mT-small": (512, 1024, 2560), "mT-big": (1024, 4096, 7680)}
KEPT = 0.78  # of the neurons at k = 95 (paper, Figure 5)


class FFN(nn.Module):
    """A feed-forward network, dense unless its layers are replaced."""

    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D]."""
        return self.fc2(functional.relu(self.fc1(x_TBD)))


class WeightMaskedFFN(FFN):
    """W1 is multiplied by a full boolean matrix."""

    def __init__(self, d_model: int, d_ff: int, mask_F: Tensor):
        super().__init__(d_model, d_ff)
        self.register_buffer("mask_FD", mask_F[:, None].expand(d_ff, d_model).contiguous())

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D]."""
        hidden_TBF = functional.linear(x_TBD, self.fc1.weight * self.mask_FD, self.fc1.bias)
        return self.fc2(functional.relu(hidden_TBF))


def make_ffns(d_model: int, d_ff: int) -> dict[str, FFN]:
    """The four forms with one mask."""
    mask_F = torch.rand(d_ff) < KEPT
    ffns = {"dense": FFN(d_model, d_ff), "weight mask": WeightMaskedFFN(d_model, d_ff, mask_F)}
    for name in ("reference", "compact"):
        ffns[name] = FFN(d_model, d_ff)
        state = DirectionState(direction=0)
        install_subnetworks([ffns[name]], [mask_F[None]], state, compact=name == "compact")
    return ffns


def step_time(ffn: FFN, x_TBD: Tensor, finish: Callable[[], None]) -> float:
    """Seconds of one forward and backward pass."""
    start = time.perf_counter()
    ffn(x_TBD).sum().backward()
    finish()
    return time.perf_counter() - start


def measure(size: str, device: str, rounds: int) -> dict[str, dict[str, float]]:
    """Times of the four forms in milliseconds: median and quartiles, and the ratio to dense."""
    torch.manual_seed(0)
    d_model, d_ff, tokens = SIZES[size]
    ffns = {name: ffn.to(device) for name, ffn in make_ffns(d_model, d_ff).items()}
    x_TBD = torch.randn(32, tokens // 32, d_model, device=device, requires_grad=True)
    finish = torch.cuda.synchronize if device == "cuda" else lambda: None
    times: dict[str, list[float]] = {name: [] for name in ffns}
    for warm in [False, False] + [True] * rounds:
        for name, ffn in ffns.items():
            seconds = step_time(ffn, x_TBD, finish)
            if warm:
                times[name].append(1000 * seconds)
    dense = statistics.median(times["dense"])
    return {name: summary(values, dense) for name, values in times.items()}


def summary(values: list[float], dense: float) -> dict[str, float]:
    """Median, quartiles and ratio of some times."""
    lower, median, upper = statistics.quantiles(values, n=4)
    return {"median": median, "lower": lower, "upper": upper, "ratio": median / dense}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    conditions = {
        "device": torch.cuda.get_device_name()
        if arguments.device == "cuda"
        else platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "rounds": arguments.rounds,
        "kept": KEPT,
    }
    results = {size: measure(size, arguments.device, arguments.rounds) for size in SIZES}
    print(conditions)
    for size, forms in results.items():
        print(f"{size}: D, F, tokens = {SIZES[size]}")
        for name, row in forms.items():
            spread = f"{row['lower']:8.1f} to {row['upper']:8.1f}"
            print(f"  {name:12} {row['median']:8.1f} ms ({spread})   {row['ratio']:.3f} of dense")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"conditions": conditions, "results": results}, indent=1)
        )


if __name__ == "__main__":
    main()
