"""Peak memory of training with neuron masks of 60 directions, and their files, of all designs.

    python -m benchmarks memory [--shape mT-big] [--directions 60] [--tokens 1024] [--keep]

Each side is a process of its own that trains two batches and updates once with Adam. On a CPU the
peak is the process's largest resident size, on a GPU what torch allocated. Masks are as sparse as
the paper's. The files are what each side keeps: ours, all directions in one; the published one,
a dictionary of boolean matrices per direction, of which one is written and counted so many times.
"""

import argparse
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

import torch
from benchmarks.models import SHAPES, make_batch, make_criterion, make_model, profile_masks
from benchmarks.official_design import OfficialMasks, widen
from benchmarks.paired import keep, make_parser, run_itself, start
from benchmarks.training_step import Side

from neuron_specialization.fairseq_plugin.methods import specialise

SIDES = ("dense", "compact", "official")


def train_side(name: str, options: argparse.Namespace) -> None:
    """Train two batches and print the peak of this process in bytes."""
    shape, device = SHAPES[options.shape], options.device
    directions = tuple(f"en-x{number}" for number in range(options.directions))
    model, task, _ = make_model(shape, device)
    side = Side(model, make_criterion(task), make_batch(shape, options.tokens, device))
    optimiser = torch.optim.Adam(model.parameters())
    masks = profile_masks(model, directions) if name != "dense" else None
    if masks and name == "compact":
        specialise(model, masks, directions, side.state, form="compact")
        model.to(device)
        side.choose = side.set_direction
    if masks and name == "official":
        side.choose = OfficialMasks(model, widen(masks, shape.d_model)).choose
    for _ in range(2):
        side.run()
    optimiser.step()
    if device == "cpu":
        print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        print(torch.cuda.max_memory_allocated())


def run_side(name: str, options: argparse.Namespace) -> int:
    """The peak of a side, from a process of its own."""
    names = ("shape", "directions", "tokens", "device", "threads")
    same = [f"--{each}={getattr(options, each)}" for each in names]
    return int(run_itself("memory", "--side", name, *same).split()[-1])


def file_sizes(options: argparse.Namespace) -> dict[str, int]:
    """Bytes of the files of masks of both designs."""
    shape = SHAPES[options.shape]
    model, _, _ = make_model(shape)
    directions = tuple(f"en-x{number}" for number in range(options.directions))
    with tempfile.TemporaryDirectory() as folder:
        ours, official = Path(folder) / "masks.npz", Path(folder) / "masks.pt"
        masks = profile_masks(model, directions)
        masks.save(ours)
        first = profile_masks(model, directions[:1])
        torch.save({name: each[0] for name, each in widen(first, shape.d_model).items()}, official)
        return {
            "bits of neurons": masks.mask_LNF.size // 8,
            "our file": ours.stat().st_size,
            "official files": options.directions * official.stat().st_size,
        }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Peaks in turn, and files."""
    peaks: dict[str, list[int]] = {name: [] for name in SIDES}
    for _ in range(options.rounds):
        for name in SIDES:
            peaks[name].append(run_side(name, options))
            print(name, f"{peaks[name][-1] / 2**30:.3f} GiB", flush=True)
    least = {name: min(values) for name, values in peaks.items()}
    over = {name: value / least["dense"] - 1 for name, value in least.items()}
    files = file_sizes(options)
    ratio = files["official files"] / files["bits of neurons"]
    return {"peaks": peaks, "over dense": over, "files": files, "official / bits": ratio}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--shape", choices=SHAPES, default="mT-big")
    parser.add_argument("--directions", type=int, default=60)
    parser.add_argument("--tokens", type=int, default=1024, help="of a batch (%(default)s)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = start(parser)
    if options.side:
        train_side(options.side, options)
        return
    results = measure(options)
    print(json.dumps(results, indent=1))
    keep(f"memory.{options.shape}", options, results)


if __name__ == "__main__":
    main()
