"""Time to group an epoch's sentence pairs into batches of one direction, against a plain loop.

    python -m benchmarks batches [--pairs 5000000] [--directions N] [--max-tokens N] [--keep]

- numpy: the data set's order and batches, each direction sorted separately
- whole sort: one sort of all pairs by direction and lengths, then the same batches
- loop: the published method, a dict of lists by direction, then batches of each by size

All three get the same made-up lengths and must return the same batches. The device does not
matter: the CPU does this, before each epoch of training, in each process.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks.paired import compare, keep, make_parser, start
from numpy.typing import NDArray

from neuron_specialization.fairseq_plugin.data import DirectionDataset

LONGEST = 250


@dataclass(frozen=True)
class Lengths:
    """The lengths of a direction's sentence pairs, which determine the batches."""

    src_sizes: NDArray[np.int32]
    tgt_sizes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.src_sizes)


def made_up(pairs: int, directions: int) -> DirectionDataset:
    """Return directions of three sizes, 100 to 10 to 1, with lengths like those in text."""
    generator = np.random.default_rng(0)
    shares = np.resize([100.0, 10.0, 1.0], directions)
    sizes = (pairs * shares / shares.sum()).astype(int)
    data: dict[str, Any] = {}
    for number, size in enumerate(sizes):
        source = generator.lognormal(3, 0.6, size)
        sides = source, source * generator.lognormal(0, 0.2, size)
        data[f"{number}"] = Lengths(*(np.clip(each, 2, LONGEST).astype(np.int32) for each in sides))
    return DirectionDataset(data)


def by_whole_sort(data: DirectionDataset, max_tokens: int) -> list[NDArray[np.int64]]:
    """Return batches from one sort by three keys, after finding the direction of each pair."""
    indices = np.arange(len(data))
    direction = np.searchsorted(data.starts, indices, side="right")
    order = np.lexsort((data.target_sizes, data.source_sizes, direction))
    return data.batch_by_size(indices[order], max_tokens)


def plain_groups(data: DirectionDataset, drawn: Sequence[int]) -> dict[int, list[int]]:
    """Return pairs by direction, in order of source then target length."""
    groups = defaultdict(list)
    for index in drawn:
        groups[data.direction_of(index)].append(index)
    return {name: sorted(groups[name], key=data.size) for name in sorted(groups)}


def plain_order(data: DirectionDataset, drawn: Sequence[int]) -> list[int]:
    """Return all pairs, direction by direction, in order of source then target length."""
    return [index for group in plain_groups(data, drawn).values() for index in group]


def plain_batches(
    data: DirectionDataset,
    drawn: Sequence[int],
    max_tokens: int | None,
    max_sentences: int | None = None,
) -> list[list[int]]:
    """Return batches of one direction; pairs too long for a batch come first, one each."""
    too_long, batches = [], []
    for group in plain_groups(data, drawn).values():
        batch: list[int] = []
        longest = 0
        for index in group:
            tokens = data.num_tokens(index)
            if max_tokens and tokens > max_tokens:
                too_long.append([index])
                continue
            longest = max(longest, tokens)
            if batch and (
                (max_tokens and longest * (len(batch) + 1) > max_tokens)
                or len(batch) == max_sentences
            ):
                batches.append(batch)
                batch, longest = [], tokens
            batch.append(index)
        if batch:
            batches.append(batch)
    return too_long + batches


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="(%(default)s)")
    parser.add_argument("--directions", type=int, default=60, help="(%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=7680, help="(%(default)s)")
    options = start(parser)
    data = made_up(options.pairs, options.directions)
    limit = options.max_tokens
    sides: dict[str, Callable[[], Sequence[Sequence[int]]]] = {
        "numpy": lambda: data.batch_by_size(data.ordered_indices(), limit),
        "whole sort": lambda: by_whole_sort(data, limit),
        "loop": lambda: plain_batches(data, range(len(data)), limit),
    }
    expected = [list(batch) for batch in sides["numpy"]()]
    for name, make in sides.items():
        assert [list(batch) for batch in make()] == expected, f"{name}: different batches"
    print(f"{len(data):,} pairs, {options.directions} directions, {len(expected):,} batches")
    keep("batches", options, compare(sides, rounds=options.rounds, clock=time.process_time))


if __name__ == "__main__":
    main()
