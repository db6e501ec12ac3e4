"""Time of cross-attention, alone and in a whole model, by fairseq and by torch's fused attention.

    python -m benchmarks attention [--device cuda] [--shape mT-big] [--precision bf16] [--keep]

- one layer: forward and backward pass of a decoder layer's cross-attention, without weights wanted
- model: of the whole model with fairseq's loss, whose decoder asks for the last layer's weights

On cuda the peak of allocated memory of a pass of the model is printed, too.
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from benchmarks.models import DTYPES, PADDING, SHAPES, add_shape, build, make_batch, start
from benchmarks.paired import Row, add_options, compare, keep, peak_on_gpu, show
from fairseq.tasks import FairseqTask
from torch import nn

FORMS = ("fairseq", "sdpa")


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


def measure(options: argparse.Namespace) -> dict[str, dict[str, Row]]:
    """Times of both forms."""
    layers, models = {}, {}
    for form in FORMS:
        model, task, config = build(options, attention=form)
        batch = make_batch(SHAPES[options.shape], config.dataset.max_tokens, options.device)
        criterion = FairseqTask.build_criterion(task, config.criterion)
        layers[form] = layer_pass(options, model, batch)
        models[form] = model_pass(criterion, model, batch)
    results = {}
    for name, sides in (("one layer", layers), ("model", models)):
        print(f"{name}: {options.shape}, {options.precision}")
        results[name] = compare(sides, rounds=options.rounds, device=options.device)
        if name == "model" and options.device.startswith("cuda"):
            for form, run in sides.items():
                results[name][form]["bytes"] = peak_on_gpu(run)
                print(f"  {form}: {results[name][form]['bytes'] / 1e9:.2f} GB")
        show(results[name])
    return results


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shape(parser)
    add_options(parser, rounds=100)
    options = parser.parse_args()
    start(options)
    keep(f"attention_{options.shape}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
