"""Time of an update by fairseq's Adam and by torch's fused AdamW.

    python -m benchmarks optimiser [--device cuda] [--shape mT-big] [--precision bf16] [--keep]

- step: the optimiser alone, as the trainer calls it, fp32 copies and gradient norm included
- update: with the forward and backward passes of an update's batches

On cuda, fp16 has all parameters in one flat tensor, bf16 has them one by one. fp16 does not run
on a CPU, where fairseq asks for the current GPU.
"""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.models import SHAPES, add_shape, build, make_batch, start
from benchmarks.paired import Row, add_options, compare, keep, show
from fairseq import optim
from fairseq.tasks import FairseqTask

OPTIMISERS = ("adam", "fused_adamw")


class Side:
    """A model and its optimiser, of which updates are timed."""

    def __init__(self, options: argparse.Namespace, **changes: Any):
        self.model, task, config = build(options, **changes)
        self.criterion = FairseqTask.build_criterion(task, config.criterion)
        parameters = list(self.model.parameters())
        if options.precision == "fp32":
            self.optimiser = optim.build_optimizer(config.optimizer, parameters)
        else:
            self.optimiser = optim.FP16Optimizer.build_optimizer(config, parameters)
        number = config.optimization.update_freq[0]
        tokens = config.dataset.max_tokens
        shape, device = SHAPES[options.shape], options.device
        self.batches = [make_batch(shape, tokens, device, seed) for seed in range(number)]

    def pass_batch(self, batch: dict[str, Any]) -> None:
        """Add the gradient of a batch."""
        self.optimiser.backward(self.criterion(self.model, batch)[0])

    def step(self) -> None:
        """Update with the gradients that are there."""
        self.optimiser.multiply_grads(1 / self.batches[0]["ntokens"])
        self.optimiser.clip_grad_norm(0.0)
        self.optimiser.step()

    def update(self) -> None:
        """A whole update."""
        self.optimiser.zero_grad()
        for batch in self.batches:
            self.pass_batch(batch)
        self.step()


def measure(options: argparse.Namespace) -> dict[str, dict[str, Row]]:
    """Times of steps and of whole updates."""
    sides = {name: Side(options, optimizer=name) for name in OPTIMISERS}
    parameters = list(sides["adam"].model.parameters())
    number = sum(each.numel() for each in parameters)
    print(f"{number:,} parameters in {len(parameters)} tensors")
    for side in sides.values():
        side.pass_batch(side.batches[0])  # for gradients
    results = {}
    for what, rounds in (("step", 5 * options.rounds), ("update", options.rounds)):
        calls: dict[str, Callable[[], object]] = {
            name: getattr(side, what) for name, side in sides.items()
        }
        print(f"{what}: {options.shape}, {options.precision}")
        results[what] = compare(calls, rounds=rounds, device=options.device)
        show(results[what])
    return results


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shape(parser)
    add_options(parser, rounds=40)
    options = parser.parse_args()
    start(options)
    keep(f"optimiser_{options.shape}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
