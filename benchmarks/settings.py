"""The settings for speed, each by itself and all of them, and larger batches.

    python -m benchmarks settings NAME [--device cuda] [--shape mT-big] [--precision bf16] [--keep]

- all: a whole update with each setting and with all. Each model has the update's batches, its loss
  and its optimiser. On cuda the peak of allocated memory, which at mT-big is mostly the logits
- optimiser: fairseq's Adam and torch's fused AdamW; `step` is the optimiser alone, as the trainer
  calls it, fp32 copies and gradient norm included, `update` has the passes of its batches too. On
  cuda, fp16 has all parameters in one flat tensor, bf16 has them one by one. fp16 does not run on a
  CPU, where fairseq asks for the current GPU
- attention: fairseq's cross-attention and torch's fused one: a pass of one decoder layer's, without
  weights wanted, and of a whole model with fairseq's loss, whose decoder asks for the last layer's
- chunked_loss: output projection and loss with all logits as fairseq has them, padding included (a
  twentieth), in chunks, and in chunks that are recomputed by torch's checkpointing. Memory is the
  peak beyond features and weights, gradients of the projection included: on a CPU of a process of
  its own, on cuda of what torch has allocated
- larger_batches: n times `max_tokens` and an n-th of `update_freq`. Padding is the same in all; in
  training a larger batch of a small direction may have more
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from benchmarks.models import (
    DTYPES,
    PADDING,
    SHAPES,
    add_shape,
    architecture_of,
    build,
    make_batch,
)
from benchmarks.paired import Row, compare, keep, make_parser, peak_on_gpu, run_itself, show, start
from fairseq import optim
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
from fairseq.tasks import FairseqTask
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from neuron_specialization.fairseq_plugin.chunked_loss import chunked_loss

SMOOTHING = 0.1
Sides = Mapping[str, Callable[[], object]]
Rows = dict[str, dict[str, Row]]


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


def time_sides(
    name: str, sides: Sides, options: argparse.Namespace, *, memory: bool = False, times: int = 1
) -> dict[str, Row]:
    """Compare some sides and print what was found, with their memory on a GPU if that is wanted."""
    print(f"{name}: {options.shape}, {options.precision}")
    rows = compare(sides, rounds=times * options.rounds, device=options.device)
    show(rows)
    if memory and options.device.startswith("cuda"):
        for side, run in sides.items():
            rows[side]["bytes"] = peak_on_gpu(run)
            print(f"  {side}: {rows[side]['bytes'] / 1e9:.2f} GB")
    return rows


def measure_all(options: argparse.Namespace) -> dict[str, Row]:
    """Times of an update, by what is changed."""
    each = {"optimizer": "fused_adamw", "attention": "sdpa", "loss_chunk": options.chunk or 1024}
    changes = {"none": {}, **{name: {name: value} for name, value in each.items()}, "all": each}
    sides = {name: Side(options, **settings).update for name, settings in changes.items()}
    return time_sides("update", sides, options, memory=True)


def measure_optimiser(options: argparse.Namespace) -> Rows:
    """Times of steps and of whole updates."""
    sides = {name: Side(options, optimizer=name) for name in ("adam", "fused_adamw")}
    parameters = list(sides["adam"].model.parameters())
    print(f"{sum(each.numel() for each in parameters):,} parameters in {len(parameters)} tensors")
    for side in sides.values():
        side.pass_batch(side.batches[0])  # for gradients
    return {
        what: time_sides(
            what, {name: getattr(s, what) for name, s in sides.items()}, options, times=times
        )
        for what, times in (("step", 5), ("update", 1))
    }


def layer_pass(
    options: argparse.Namespace, model: Any, batch: dict[str, Any]
) -> Callable[[], None]:
    """A forward and a backward pass of one layer's cross-attention."""
    attention = model.decoder.layers[0].encoder_attn
    source_BT = batch["net_input"]["src_tokens"]
    shape = (source_BT.size(1), source_BT.size(0), attention.embed_dim)
    query_TBD, key_SBD = (
        torch.randn(shape, dtype=DTYPES[options.precision], device=options.device) for _ in range(2)
    )
    key_SBD.requires_grad_(True)
    padding_BS = source_BT == PADDING

    def run() -> None:
        attended_TBD, _ = attention(
            query_TBD, key_SBD, key_SBD, padding_BS, need_weights=False, static_kv=True
        )
        attended_TBD.sum().backward()
        clear(attention)
        key_SBD.grad = None

    return run


def model_pass(criterion: Any, model: nn.Module, batch: dict[str, Any]) -> Callable[[], None]:
    """A forward and a backward pass of the whole model."""

    def run() -> None:
        criterion(model, batch)[0].backward()
        clear(model)

    return run


def clear(module: nn.Module) -> None:
    """Forget the gradients."""
    for each in module.parameters():
        each.grad = None


def measure_attention(options: argparse.Namespace) -> Rows:
    """Times of both forms of cross-attention."""
    layers, models = {}, {}
    for form in ("fairseq", "sdpa"):
        model, task, config = build(options, attention=form)
        batch = make_batch(SHAPES[options.shape], config.dataset.max_tokens, options.device)
        criterion = FairseqTask.build_criterion(task, config.criterion)
        layers[form] = layer_pass(options, model, batch)
        models[form] = model_pass(criterion, model, batch)
    return {
        "one layer": time_sides("one layer", layers, options),
        "model": time_sides("model", models, options, memory=True),
    }


def whole_loss(features_ND: Tensor, weight_VD: Tensor, target_N: Tensor) -> Tensor:
    """As fairseq computes it."""
    logits_NV = functional.linear(features_ND, weight_VD)
    logprob_NV = functional.log_softmax(logits_NV, dim=-1, dtype=torch.float32)
    return label_smoothed_nll_loss(logprob_NV, target_N, SMOOTHING, ignore_index=PADDING)[0]


def recomputed_loss(features_ND: Tensor, weight_VD: Tensor, target_N: Tensor, chunk: int) -> Tensor:
    """In chunks, each computed again in the backward pass."""
    losses = [
        checkpoint(whole_loss, features_CD, weight_VD, target_C, use_reentrant=False)
        for features_CD, target_C in zip(
            features_ND.split(chunk), target_N.split(chunk), strict=True
        )
    ]
    return torch.stack(losses).sum()


def loss_sides(options: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """Forward and backward passes, by name."""
    generator = torch.Generator().manual_seed(0)
    place = {"device": options.device, "dtype": DTYPES[options.precision]}
    tokens, vocabulary, chunk = options.tokens or 256, options.vocabulary, options.chunk or 128
    features_ND = torch.randn(tokens, options.width, generator=generator).to(**place)
    weight_VD = torch.randn(vocabulary, options.width, generator=generator)
    weight_VD = weight_VD.mul_(options.width**-0.5).to(**place)
    target_N = torch.randint(4, vocabulary, (tokens,), generator=generator)
    target_N[::20] = PADDING
    target_N = target_N.to(options.device)
    for each in (features_ND, weight_VD):
        each.requires_grad_(True)

    def side(loss_of: Callable[..., Tensor], *, skip: bool) -> Callable[[], object]:
        def run() -> None:
            real_N = target_N != PADDING
            some = (features_ND[real_N], target_N[real_N]) if skip else (features_ND, target_N)
            loss_of(some[0], weight_VD, some[1]).backward()
            features_ND.grad = weight_VD.grad = None

        return run

    def chunks(features: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        return chunked_loss(features, weight, target, smoothing=SMOOTHING, chunk=chunk)[0]

    def recomputed(features: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        return recomputed_loss(features, weight, target, chunk)

    return {
        "fairseq": side(whole_loss, skip=False),
        "chunks": side(chunks, skip=True),
        "recomputed": side(recomputed, skip=True),
    }


def peak_memory(options: argparse.Namespace, name: str) -> int:
    """The most bytes that a side takes beyond its inputs, of a GPU or of this process."""
    run = loss_sides(options)[name]
    if options.device.startswith("cuda"):
        return peak_on_gpu(run)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    run()
    return resident("VmHWM") - before


def resident(name: str) -> int:
    """Bytes of memory of this process, as Linux counts them: now (VmRSS), at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(name)]
    return 1024 * int(line.split()[1])


def measure_chunked_loss(options: argparse.Namespace) -> dict[str, Row]:
    """Memory, then times."""
    sides = loss_sides(options)
    arguments = ["settings", *sys.argv[1:], "--peak"]
    peaks = {name: int(run_itself(*arguments, name).split()[-1]) for name in sides}
    rows = time_sides("loss", sides, options)
    for name, peak in peaks.items():
        rows[name]["bytes"] = peak
        print(f"  {name:28} {peak / 1e6:11,.0f} MB")
    return rows


def measure_larger_batches(options: argparse.Namespace) -> dict[str, Row]:
    """Times of an update by factor."""
    usual = architecture_of(SHAPES[options.shape])
    usual_tokens = options.tokens or usual.max_tokens
    sides: dict[str, Callable[[], object]] = {}
    for factor in options.factors:
        if usual.update_freq % factor:
            raise SystemExit(f"error: update_freq is {usual.update_freq}, no multiple of {factor}")
        tokens, number = usual_tokens * factor, usual.update_freq // factor
        sides[f"{tokens} x {number}"] = Side(options, max_tokens=tokens, update_freq=number).update
    return time_sides("update", sides, options)


MEASURES = {
    "all": (measure_all, 100),
    "optimiser": (measure_optimiser, 40),
    "attention": (measure_attention, 100),
    "chunked_loss": (measure_chunked_loss, 4),
    "larger_batches": (measure_larger_batches, 100),
}
"""What each name measures, and its usual number of rounds."""


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=0)
    parser.add_argument("name", choices=MEASURES)
    add_shape(parser)
    parser.add_argument("--chunk", type=int, help="tokens of a chunk (1024; chunked_loss: 128)")
    parser.add_argument("--width", type=int, default=1024, help="chunked_loss (%(default)s)")
    parser.add_argument("--vocabulary", type=int, default=128_032, help="chunked_loss")
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 3], help="of larger_batches")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = start(parser)
    if options.peak:
        print(peak_memory(options, options.peak))
        return
    measure, rounds = MEASURES[options.name]
    options.rounds = options.rounds or rounds
    shape = options.tokens or 256 if options.name == "chunked_loss" else options.shape
    name = "speed_settings" if options.name == "all" else options.name
    keep(f"{name}_{shape}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
