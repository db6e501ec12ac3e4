"""Time of an update of as many tokens, in fewer and larger batches.

    python -m benchmarks larger_batches [--device cuda] [--shape mT-big] [--factors 1 3] [--keep]

n times `max_tokens` and an n-th of `update_freq`. Padding is the same in all; in training a larger
batch of a small direction may have more.
"""

import argparse
from collections.abc import Callable

from benchmarks.models import SHAPES, add_shape, architecture_of, start
from benchmarks.optimiser import Side
from benchmarks.paired import Row, add_options, compare, keep, show


def measure(options: argparse.Namespace) -> dict[str, Row]:
    """Times of an update by factor."""
    usual = architecture_of(SHAPES[options.shape])
    usual_tokens = options.tokens or usual.max_tokens
    sides: dict[str, Callable[[], object]] = {}
    for factor in options.factors:
        if usual.update_freq % factor:
            raise SystemExit(f"error: update_freq is {usual.update_freq}, no multiple of {factor}")
        tokens, number = usual_tokens * factor, usual.update_freq // factor
        side = Side(options, max_tokens=tokens, update_freq=number)
        sides[f"{tokens} x {number}"] = side.update
    rows = compare(sides, rounds=options.rounds, device=options.device)
    show(rows)
    return rows


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_shape(parser)
    parser.add_argument(
        "--factors", type=int, nargs="+", default=[1, 3], help="of max_tokens (%(default)s)"
    )
    add_options(parser, rounds=100)
    options = parser.parse_args()
    start(options)
    keep(f"larger_batches_{options.shape}_{options.precision}", options, measure(options))


if __name__ == "__main__":
    main()
