"""Time of an update with each setting for speed, and with all of them.

    python -m benchmarks speed_settings [--device cuda] [--shape mT-big] [--precision bf16] [--keep]

Each model has the whole of an update's batches, its loss and its optimiser. On cuda the peak of
allocated memory is printed, too, which at mT-big is mostly the logits.
"""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.models import add_shape, start
from benchmarks.optimiser import Side
from benchmarks.paired import Row, add_options, compare, keep, peak_on_gpu, show


def measure(options: argparse.Namespace) -> dict[str, Row]:
    """Times of an update, by what is changed."""
    each: dict[str, Any] = {
        "optimizer": "fused_adamw",
        "attention": "sdpa",
        "loss_chunk": options.chunk,
    }
    changes = {"none": {}, **{name: {name: value} for name, value in each.items()}, "all": each}
    sides: dict[str, Callable[[], object]] = {
        name: Side(options, **settings).update for name, settings in changes.items()
    }
    rows = compare(sides, rounds=options.rounds, device=options.device)
    show(rows)
    if options.device.startswith("cuda"):
        for name, update in sides.items():
            rows[name]["bytes"] = peak_on_gpu(update)
            print(f"  {name}: {rows[name]['bytes'] / 1e9:.2f} GB beyond all models")
    return rows


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shape(parser)
    parser.add_argument("--chunk", type=int, default=1024, help="tokens of a chunk (%(default)s)")
    add_options(parser, rounds=100)
    options = parser.parse_args()
    start(options)
    keep(f"speed_settings_{options.shape}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
