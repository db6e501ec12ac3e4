"""LaSS: a training batch with masks packed, as booleans, and without; the bytes of 60 directions.

    python -m benchmarks weight_masks [--shape mT-small ...] [--tokens N] [--keep]

- dense: no masks
- packed: ours, one bit per weight, unpacked in each product
- boolean: the published design, a full boolean matrix for each weight and direction

All sides have the same parameters. Batches alternate between two directions, each with 30 % of the
weights of attention and FFN. Resident bytes are those of all bits and booleans that are in memory
once 60 directions have masks and a batch was trained on.
"""

import argparse
import gc
from typing import Any

import torch
from benchmarks.models import (
    SHAPES,
    Shape,
    make_batch,
    make_criterion,
    make_model,
    share_parameters,
)
from benchmarks.official_design import OfficialMasks, unpack
from benchmarks.paired import compare, keep, start
from benchmarks.training_step import (
    DIRECTIONS,
    Side,
    batch_tokens,
    measure_shapes,
    shapes_parser,
)
from torch import nn

from neuron_specialization.fairseq_plugin.methods import mask_weights, pruned_tensors
from neuron_specialization.methods.weight_masks import WeightMasks

KEPT = 0.3
MANY = 60  # directions


def draw_masks(model: nn.Module, directions: tuple[str, ...]) -> WeightMasks:
    """Random masks of the tensors that LaSS prunes."""
    torch.manual_seed(0)
    state = model.state_dict()
    names = pruned_tensors(state, output_projection=False)
    return WeightMasks.join(
        [
            WeightMasks.pack(
                each, {name: torch.rand(state[name].shape) < KEPT for name in names}, {}
            )
            for each in directions
        ]
    )


def make_sides(shape: Shape, tokens: int, device: str) -> dict[str, Side]:
    """The three ways, on the same parameters."""
    dense, task, _ = make_model(shape, device)
    masks = draw_masks(dense, DIRECTIONS)
    rest = (make_criterion(task), make_batch(shape, tokens, device))
    sides = {name: Side(share_parameters(dense), *rest) for name in ("dense", "packed", "boolean")}
    packed, boolean = sides["packed"], sides["boolean"]
    mask_weights(packed.model, masks, DIRECTIONS, packed.state)
    packed.model.to(device)
    packed.choose = packed.set_direction
    boolean.choose = OfficialMasks(boolean.model, unpack(masks)).choose
    return sides


def held_bytes(model: nn.Module) -> int:
    """Bytes of all packed bits and booleans in memory on the device of a model."""
    gc.collect()
    device = next(model.parameters()).device
    found = {}
    for each in gc.get_objects():
        if not isinstance(each, torch.Tensor) or each.device != device:
            continue
        if each.dtype in (torch.uint8, torch.bool):
            found[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
    return sum(found.values())


def resident_bytes(shape: Shape, device: str) -> dict[str, float]:
    """Bytes of the packed masks of 60 directions, by counting them and by looking."""
    model, task, _ = make_model(shape, device)
    side = Side(model, make_criterion(task), make_batch(shape, 64, device))
    one = draw_masks(model, DIRECTIONS[:1])
    many = tuple(f"en-x{number}" for number in range(MANY))
    bits = {name: each.repeat(MANY, axis=0) for name, each in one.bits.items()}
    masks = WeightMasks(directions=many, shapes=one.shapes, bits=bits, provenance={})
    mask_weights(model, masks, many, side.state)
    del masks, bits
    model.to(device)
    side.state.direction = MANY - 1
    side.run()
    return {
        "counted": MANY * one.bytes_per_direction(),
        "held": held_bytes(model),
        "as booleans": 8 * MANY * one.bytes_per_direction(),
    }


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Time and memory at one shape."""
    shape = SHAPES[name]
    tokens = batch_tokens(shape, options)
    sides = make_sides(shape, tokens, options.device)
    rows = compare(
        {side: each.run for side, each in sides.items()},
        rounds=options.rounds,
        device=options.device,
    )
    del sides
    return {
        "tokens": tokens,
        "packed / boolean": rows["packed"]["seconds"] / rows["boolean"]["seconds"],
        "mask bytes": resident_bytes(shape, options.device),
        "sides": rows,
    }


def main() -> None:
    """Entry point."""
    options = start(shapes_parser(__doc__, rounds=7))
    keep("weight_masks", options, measure_shapes(measure, options))


if __name__ == "__main__":
    main()
