"""A training batch or one FFN, forward and backward: dense, our masks, published masks.

    python -m benchmarks training_step [neurons | lass | ffn] [--shape mT-small] [--tokens N]
        [--device cuda] [--precision bf16] [--fast] [--keep]

- dense: no masks, the baseline
- official: the published design, which multiplies weights by boolean matrices before each batch
- neurons: compact computes only a direction's neurons; reference computes all neurons, with zero
  weights for the others; auto is the form used in training (on a CPU always compact)
- lass: packed masks, one bit per weight, unpacked in each product; 30 % of the weights kept
- ffn: as neurons, but a single FFN, 78 % of its neurons kept

Directions alternate from batch to batch. All sides of a model have the same parameters. Gradients
accumulate, as between updates; the optimiser, which is the same for all, is omitted. Neuron masks
are random, as sparse as the paper's in each layer. With `--fast` all sides have fused
cross-attention and compute the loss in chunks.

`without FFN` is a model whose FFNs do nothing. Its difference from dense bounds the savings of any
such method: with a sparsity s, no design is faster than 1 - s (1 - without FFN) of dense, the
roofline.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from benchmarks.models import (
    DTYPES,
    SHAPES,
    Sample,
    Shape,
    add_shape,
    make_batch,
    make_model,
    profile_masks,
    share_parameters,
)
from benchmarks.official_design import OfficialMasks, unpack, widen
from benchmarks.paired import Sides, clock_of, compare, keep, make_parser, start
from fairseq.tasks import FairseqTask
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.fairseq_plugin.methods import (
    ffn_layers,
    install_neuron_masks,
    install_weight_masks,
    pruned_tensors,
)
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.subnetwork import Form, install_subnetworks

FORMS: tuple[Form, ...] = ("reference", "compact", "auto")
DIRECTIONS = ("en-x", "x-en")
WEIGHTS_KEPT = 0.3
NEURONS_KEPT = 0.78  # at k = 95 (paper, Figure 5)
FAST = {"kernels": "torch", "loss_chunk": 256}
FILES = {"neurons": "training_step", "lass": "weight_masks", "ffn": "subnetwork_ffn"}


class Side:
    """One way to train: a model, and a function to call before each batch."""

    def __init__(self, model: nn.Module, criterion: Any, sample: Sample):
        self.model, self.criterion, self.sample = model, criterion, sample
        self.state = DirectionState()
        self.choose: Callable[[int], None] = lambda _: None
        self.batches = 0

    def run(self) -> None:
        """Run a batch forward and backward."""
        self.batches += 1
        self.choose(self.batches % len(DIRECTIONS))
        loss, _, _ = self.criterion(self.model, self.sample)
        loss.backward()

    def set_direction(self, direction: int) -> None:
        """Set the direction, as our task does before a batch."""
        self.state.direction = direction


def make_sides(
    what: str, shape: Shape, tokens: int, device: str, **changes: Any
) -> dict[str, Side]:
    """Return all ways to train the same parameters, for `neurons` or `lass`.

    `changes` are training settings.
    """
    dense, task, config = make_model(shape, device, **changes)
    criterion = FairseqTask.build_criterion(task, config.criterion)
    sample = make_batch(shape, tokens, device)
    sides = {"dense": Side(dense, criterion, sample)}

    def add(name: str) -> Side:
        sides[name] = Side(share_parameters(dense), criterion, sample)
        return sides[name]

    if what == "lass":
        weights = draw_weight_masks(dense)
        side = add("packed")
        install_weight_masks(side.model, weights, DIRECTIONS, side.state)
        side.model.to(device)
        side.choose = side.set_direction
        full = unpack(weights)
    else:
        masks = profile_masks(dense, DIRECTIONS)
        for form in FORMS:
            side = add(form)
            install_neuron_masks(side.model, masks, DIRECTIONS, side.state, form=form)
            side.model.to(device)
            side.choose = side.set_direction
        for layer in ffn_layers(add("without FFN").model).values():
            layer.fc1 = layer.fc2 = nn.Identity()
        full = widen(masks, shape.d_model)
    side = add("official")
    side.choose = OfficialMasks(side.model, full).choose
    return sides


def draw_weight_masks(model: nn.Module) -> WeightMasks:
    """Return random masks of the tensors that LaSS prunes."""
    state = model.state_dict()
    names = pruned_tensors(state, output_projection=False)
    generator = torch.Generator().manual_seed(0)
    drawn = [
        {name: torch.rand(state[name].shape, generator=generator) < WEIGHTS_KEPT for name in names}
        for _ in DIRECTIONS
    ]
    pairs = zip(DIRECTIONS, drawn, strict=True)
    return WeightMasks.join([WeightMasks.pack(name, masks, {}) for name, masks in pairs])


class FFN(nn.Module):
    """A feed-forward network, dense unless its layers are replaced."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.fc1 = nn.Linear(shape.d_model, shape.d_ff)
        self.fc2 = nn.Linear(shape.d_ff, shape.d_model)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D]."""
        return self.fc2(functional.relu(self.fc1(x_TBD)))


def ffn_sides(shape: Shape, tokens: int, **place: Any) -> Sides:
    """Return a forward and backward pass of each form of an FFN, all with the same mask."""
    x_TBD = torch.randn(shape.longest, tokens // shape.longest, shape.d_model, **place)
    x_TBD.requires_grad_(True)
    mask_F = torch.rand(shape.d_ff) < NEURONS_KEPT
    ffns = {name: FFN(shape) for name in ("dense", "official", *FORMS)}
    for form in FORMS:
        install_subnetworks([ffns[form]], [mask_F[None]], DirectionState(direction=0), form=form)
    for ffn in ffns.values():
        ffn.to(**place)
    mask_FD = mask_F[:, None].expand(-1, shape.d_model).contiguous()
    choose = {"official": OfficialMasks(ffns["official"], {"fc1": [mask_FD]}).choose}

    def step(name: str) -> None:
        choose.get(name, lambda _: None)(0)
        ffns[name](x_TBD).sum().backward()

    return {name: partial(step, name) for name in ffns}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=9)
    parser.add_argument("what", nargs="?", choices=FILES, default="neurons", help="(%(default)s)")
    add_shape(parser)
    parser.add_argument("--fast", action="store_true", help="use the speed settings")
    options = start(parser)
    shape, device, what = SHAPES[options.shape], options.device, options.what
    # a CPU takes minutes for the paper's batches
    tokens = options.tokens or (1024 if device == "cpu" and what != "ffn" else shape.max_tokens)
    if what == "ffn":
        sides = ffn_sides(shape, tokens, device=device, dtype=DTYPES[options.precision])
    else:
        changes = {"precision": options.precision, **(FAST if options.fast else {})}
        models = make_sides(what, shape, tokens, device, **changes)
        sides = {name: side.run for name, side in models.items()}
    rows = compare(
        sides,
        rounds=options.rounds,
        clock=clock_of(device),
        before=partial(torch.manual_seed, 0),
    )
    results: dict[str, Any] = {"tokens": tokens, "sides": rows}
    if what == "neurons":
        sparsity = 1 - float(profile_masks(models["dense"].model, DIRECTIONS).mask_LNF.mean())
        results["sparsity"] = sparsity
        results["roofline"] = 1 - sparsity * (1 - rows["without FFN"]["ratio"])
        print(f"roofline {results['roofline']:.3f}")
    parts = [FILES[what], options.shape, options.precision]
    parts += [f"{options.tokens}_tokens"] if options.tokens else []
    keep(".".join([*parts, "fast"] if options.fast else parts), options, results)


if __name__ == "__main__":
    main()
