"""Time and memory of output projection and loss: all logits, in chunks, and in recomputed chunks.

    python -m benchmarks chunked_loss [--device cuda] [--tokens 7680 --chunk 1024] [--keep]

- fairseq: logits of all tokens, padding included (a twentieth of them), then its loss
- chunks: `loss_chunk`, which makes the gradients in the forward pass
- recomputed: chunks by torch's checkpointing, which multiplies by the projection once more

Memory is the peak beyond what features and weights take: on a CPU of a process of its own, on cuda
of what torch has allocated. The gradients of the projection are part of it.
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from benchmarks.models import DTYPES, PADDING
from benchmarks.paired import Row, add_options, compare, keep, peak_on_gpu, show
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from neuron_specialization.fairseq_plugin.chunked_loss import chunked_loss

SMOOTHING = 0.1


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


def make_sides(options: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """Forward and backward passes, by name."""
    generator = torch.Generator().manual_seed(0)
    place = {"device": options.device, "dtype": DTYPES[options.precision]}
    features_ND = torch.randn(options.tokens, options.width, generator=generator).to(**place)
    weight_VD = torch.randn(options.vocabulary, options.width, generator=generator)
    weight_VD = weight_VD.mul_(options.width**-0.5).to(**place)
    target_N = torch.randint(4, options.vocabulary, (options.tokens,), generator=generator)
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
        return chunked_loss(features, weight, target, smoothing=SMOOTHING, chunk=options.chunk)[0]

    def recomputed(features: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        return recomputed_loss(features, weight, target, options.chunk)

    return {
        "fairseq": side(whole_loss, skip=False),
        "chunks": side(chunks, skip=True),
        "recomputed": side(recomputed, skip=True),
    }


def peak_memory(options: argparse.Namespace, name: str) -> int:
    """The most bytes that a side takes beyond its inputs, of a GPU or of this process."""
    run = make_sides(options)[name]
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


def own_process(name: str) -> int:
    """The peak of a side in a process of its own, with the options of this one."""
    command = [sys.executable, "-m", "benchmarks", "chunked_loss", *sys.argv[1:], "--peak", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1])


def measure(options: argparse.Namespace) -> dict[str, Row]:
    """Memory, then times."""
    names = list(make_sides(argparse.Namespace(**vars(options) | {"tokens": 1, "vocabulary": 5})))
    peaks = {name: own_process(name) for name in names}
    rows = compare(make_sides(options), rounds=options.rounds, device=options.device)
    show(rows)
    for name, peak in peaks.items():
        rows[name]["bytes"] = peak
        print(f"  {name:28} {peak / 1e6:11,.0f} MB")
    return rows


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=256, help="(%(default)s)")
    parser.add_argument("--chunk", type=int, default=128, help="tokens of a chunk (%(default)s)")
    parser.add_argument("--width", type=int, default=1024, help="of the model (%(default)s)")
    parser.add_argument("--vocabulary", type=int, default=128_032, help="(%(default)s)")
    parser.add_argument("--precision", choices=DTYPES, default="fp32", help="(%(default)s)")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    add_options(parser, rounds=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.disable(logging.INFO)
    if options.peak:
        print(peak_memory(options, options.peak))
        return
    print(f"{options.tokens} tokens, {options.chunk} a chunk, {options.precision}")
    keep(f"chunked_loss_{options.tokens}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
