"""Peak memory of training with neuron masks for 60 directions, by design, and mask sizes.

    python -m benchmarks memory [--shape mT-big] [--directions 60] [--tokens 1024] [--keep]

Each side is a separate process that trains two batches and updates once with Adam. On a CPU the
peak is the process's largest resident size, on a GPU the memory that torch allocated. Masks are as
sparse as the paper's.
"""

import argparse
import resource
import tempfile
from pathlib import Path

import torch
from benchmarks.models import SHAPES, make_batch, make_criterion, make_model, profile_masks
from benchmarks.official_design import OfficialMasks, widen
from benchmarks.paired import in_process, keep, make_parser, start
from benchmarks.training_step import Side

from neuron_specialization.fairseq_plugin.methods import install_neuron_masks

SIDES = ("dense", "compact", "official")


def peak_of(name: str, options: argparse.Namespace) -> int:
    """Train two batches and return the peak of this process in bytes."""
    shape, device = SHAPES[options.shape], options.device
    directions = tuple(f"en-x{number}" for number in range(options.directions))
    model, task, _ = make_model(shape, device)
    side = Side(model, make_criterion(task), make_batch(shape, options.tokens, device))
    optimiser = torch.optim.Adam(model.parameters())
    masks = profile_masks(model, directions) if name != "dense" else None
    if masks and name == "compact":
        install_neuron_masks(model, masks, directions, side.state, form="compact")
        model.to(device)
        side.choose = side.set_direction
    if masks and name == "official":
        side.choose = OfficialMasks(model, widen(masks, shape.d_model)).choose
    for _ in range(2):
        side.run()
    optimiser.step()
    if device == "cpu":
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return torch.cuda.max_memory_allocated()


def mask_sizes(options: argparse.Namespace) -> dict[str, int]:
    """Return the bytes of all masks: as bits, as our file, and as full boolean matrices."""
    shape = SHAPES[options.shape]
    model, _, _ = make_model(shape)
    masks = profile_masks(model, tuple(f"en-x{number}" for number in range(options.directions)))
    with tempfile.TemporaryDirectory() as folder:
        masks.save(path := Path(folder) / "masks.npz")
        size = masks.mask_LNF.size
        return {"bits": size // 8, "file": path.stat().st_size, "booleans": size * shape.d_model}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--shape", choices=SHAPES, default="mT-big", help="(%(default)s)")
    parser.add_argument("--directions", type=int, default=60, help="(%(default)s)")
    parser.add_argument("--tokens", type=int, default=1024, help="per batch (%(default)s)")
    options = start(parser)
    rounds = [
        {name: in_process(peak_of, name, options) for name in SIDES} for _ in range(options.rounds)
    ]
    least = {name: min(each[name] for each in rounds) for name in SIDES}
    for name, peak in least.items():
        print(f"{name:10} {peak / 2**30:.3f} GiB, {peak / least['dense'] - 1:+.1%}")
    results = {"peaks": rounds, "masks": mask_sizes(options)}
    print(results["masks"])
    keep(f"memory.{options.shape}", options, results)


if __name__ == "__main__":
    main()
