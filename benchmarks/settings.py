"""A full update with each speed setting, with all of them, and with larger batches.

    python -m benchmarks settings [--shape mT-big] [--precision bf16] [--factors 3] [--device cuda]

Each side has a model, the update's batches, a loss and an optimiser. On a GPU the peak of allocated
memory is also printed; with mT-big's shape most of it is logits. A factor n adds a side with n
times `max_tokens` and `update_freq` / n; padding is the same on all sides, while in training a
larger batch of a small direction may have more.
"""

import argparse
from typing import Any

import torch
from benchmarks.models import SHAPES, add_shape, make_batch, make_model
from benchmarks.paired import clock_of, compare, keep, make_parser, start
from fairseq import optim
from fairseq.tasks import FairseqTask


class Side:
    """A model and its optimiser, whose updates are timed."""

    def __init__(self, options: argparse.Namespace, **changes: Any):
        shape = SHAPES[options.shape]
        if options.tokens:
            changes = {"max_tokens": options.tokens, **changes}
        precision = options.precision
        self.model, task, config = make_model(shape, options.device, precision=precision, **changes)
        self.criterion = FairseqTask.build_criterion(task, config.criterion)
        parameters = list(self.model.parameters())
        if precision == "fp32":
            self.optimiser = optim.build_optimizer(config.optimizer, parameters)
        else:
            self.optimiser = optim.FP16Optimizer.build_optimizer(config, parameters)
        tokens = config.dataset.max_tokens
        seeds = range(config.optimization.update_freq[0])
        self.batches = [make_batch(shape, tokens, options.device, seed) for seed in seeds]

    def update(self) -> None:
        """Make a full update."""
        self.optimiser.zero_grad()
        for batch in self.batches:
            self.optimiser.backward(self.criterion(self.model, batch)[0])
        self.optimiser.multiply_grads(1 / self.batches[0]["ntokens"])
        self.optimiser.clip_grad_norm(0.0)
        self.optimiser.step()


def peak_on_gpu(side: Side) -> int:
    """Return the peak bytes that torch allocates during an update beyond existing allocations."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    side.update()
    return torch.cuda.max_memory_allocated() - before


def all_changes(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the changed settings of each side."""
    each = {"kernels": "torch", "loss_chunk": options.chunk}
    changes = {"none": {}, **{name: {name: value} for name, value in each.items()}, "all": each}
    usual = SHAPES[options.shape]
    tokens = options.tokens or usual.max_tokens
    for n in options.factors:
        if usual.update_freq % n:
            raise SystemExit(f"error: update_freq is {usual.update_freq}, not a multiple of {n}")
        changes[f"batches x {n}"] = {
            "max_tokens": tokens * n,
            "update_freq": usual.update_freq // n,
        }
    return changes


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=100)
    add_shape(parser)
    parser.add_argument("--chunk", type=int, default=1024, help="loss_chunk (%(default)s)")
    parser.add_argument("--factors", type=int, nargs="+", default=[], help="for larger batches")
    options = start(parser)
    sides = {name: Side(options, **each) for name, each in all_changes(options).items()}
    updates = {name: side.update for name, side in sides.items()}
    rows = compare(updates, rounds=options.rounds, clock=clock_of(options.device))
    if options.device.startswith("cuda"):
        for name, side in sides.items():
            rows[name]["bytes"] = peak_on_gpu(side)
            print(f"  {name}: {rows[name]['bytes'] / 1e9:.2f} GB")
    keep(f"speed_settings_{options.shape}_{options.precision}", options, rows)


if __name__ == "__main__":
    main()
