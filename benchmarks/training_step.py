"""A training batch, forward and backward: dense, ours in two forms, and the published design.

    python -m benchmarks training_step [--shape mT-small ...] [--tokens N] [--device cuda]
        [--precision bf16] [--keep]

- dense: the baseline
- compact: only a direction's own neurons
- reference: all neurons, with zeros for the weights of others
- auto: the one of these that trains; on a CPU always compact
- official: full boolean matrices times the weights, before every batch

Directions alternate from batch to batch, masks are as sparse as the paper's (random neurons, layer
by layer). All sides have the same parameters and gradients; gradients add up, as between updates.
The optimiser is not in it: it is the same for all, and works once in `update_freq` batches. With
`--fast` all sides have fused cross-attention and the loss in chunks.

`without FFN` is a model whose FFNs do nothing. What it lacks is what any such method can save a
part of: with a sparsity s, no design is faster than 1 - s (1 - without FFN) of dense, the roofline.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from benchmarks.models import (
    DTYPES,
    SHAPES,
    Sample,
    Shape,
    make_batch,
    make_model,
    profile_masks,
    share_parameters,
)
from benchmarks.official_design import OfficialMasks, widen
from benchmarks.paired import Row, compare, keep, make_parser, show, start
from benchmarks.subnetwork_ffn import FORMS
from fairseq.tasks import FairseqTask
from torch import nn

from neuron_specialization.fairseq_plugin.methods import ffn_layers, specialise
from neuron_specialization.neurons.direction_state import DirectionState

DIRECTIONS = ("en-x", "x-en")
FAST = {"attention": "sdpa", "loss_chunk": 256}
TOKENS = {"cpu": 1024, "cuda": None}  # a CPU takes minutes for the paper's batches


class Side:
    """One way to train: a model, and what to do before each batch."""

    def __init__(self, model: nn.Module, criterion: Any, sample: Sample):
        self.model, self.criterion, self.sample = model, criterion, sample
        self.state = DirectionState()
        self.choose: Callable[[int], None] = lambda _: None
        self.batches = 0

    def run(self) -> None:
        """A batch, forward and backward."""
        self.batches += 1
        direction = self.batches % len(DIRECTIONS)
        self.choose(direction)
        loss, _, _ = self.criterion(self.model, self.sample)
        loss.backward()

    def set_direction(self, direction: int) -> None:
        """What our task does before a batch."""
        self.state.direction = direction


def make_sides(shape: Shape, tokens: int, device: str, **changes: Any) -> dict[str, Side]:
    """All ways to train, on the same parameters, with changes to the settings of the training."""
    dense, task, config = make_model(shape, device, **changes)
    masks = profile_masks(dense, DIRECTIONS)
    criterion = FairseqTask.build_criterion(task, config.criterion)
    make = partial(Side, criterion=criterion, sample=make_batch(shape, tokens, device))
    sides = {"dense": make(dense)}
    for form in FORMS:
        side = sides[form] = make(share_parameters(dense))
        specialise(side.model, masks, DIRECTIONS, side.state, form=form)
        side.model.to(device)
        side.choose = side.set_direction
    side = sides["official"] = make(share_parameters(dense))
    side.choose = OfficialMasks(side.model, widen(masks, shape.d_model)).choose
    side = sides["without FFN"] = make(share_parameters(dense))
    for layer in ffn_layers(side.model).values():
        layer.fc1 = layer.fc2 = nn.Identity()
    return sides


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Compare all sides at one shape."""
    shape = SHAPES[name]
    if options.vocabulary:
        shape = replace(shape, vocabulary=options.vocabulary)
    tokens = batch_tokens(shape, options)
    torch.manual_seed(0)
    changes = FAST if options.fast else {}
    sides = make_sides(shape, tokens, options.device, precision=options.precision, **changes)
    rows = compare(
        {name: side.run for name, side in sides.items()},
        rounds=options.rounds,
        device=options.device,
        before=partial(torch.manual_seed, 0),
    )
    sparsity = 1 - profile_masks(sides["dense"].model, DIRECTIONS).mask_LNF.mean()
    return {"tokens": tokens, "sparsity": sparsity, **describe(rows, sparsity), "sides": rows}


def describe(rows: dict[str, Row], sparsity: float) -> dict[str, float]:
    """The numbers that the claims are about."""
    share = 1 - rows["without FFN"]["ratio"]
    return {
        "share of the FFN": share,
        "roofline": 1 - sparsity * share,
        "auto / dense": rows["auto"]["ratio"],
        "auto / official": rows["auto"]["seconds"] / rows["official"]["seconds"],
    }


def measure_shapes(
    measure: Callable[[str, argparse.Namespace], dict[str, Any]], options: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """What a benchmark measures at each shape; it is printed, too."""
    results = {}
    for name in options.shape:
        results[name] = measure(name, options)
        print(name, {key: value for key, value in results[name].items() if key != "sides"})
        show(results[name]["sides"])
    return results


def shapes_parser(doc: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """The options of a benchmark of batches at some shapes."""
    parser = make_parser(doc, rounds=rounds)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=["mT-small", "mT-big"])
    parser.add_argument("--tokens", type=int, help="of a batch (CPU: 1,024; GPU: the paper's)")
    return parser


def batch_tokens(shape: Shape, options: argparse.Namespace) -> int:
    """Tokens of a batch of a shape."""
    return options.tokens or TOKENS[options.device.split(":")[0]] or shape.max_tokens


def main() -> None:
    """Entry point."""
    parser = shapes_parser(__doc__, rounds=9)
    parser.add_argument("--vocabulary", type=int, help="entries, if not as many as in the paper")
    parser.add_argument("--precision", choices=DTYPES, default="fp32")
    parser.add_argument("--fast", action="store_true", help="with the settings for speed")
    options = start(parser)
    results = measure_shapes(measure, options)
    parts = ["training_step", "+".join(options.shape), options.precision]
    parts += [f"{options.tokens}_tokens"] if options.tokens else []
    parts += [str(options.vocabulary)] if options.vocabulary else []
    parts += ["fast"] if options.fast else []
    keep(".".join(parts), options, results)


if __name__ == "__main__":
    main()
