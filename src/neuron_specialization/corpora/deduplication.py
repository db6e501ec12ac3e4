"""Decide the fate of cleaned pairs: keep, drop as repeated or over the cap, move to a split.

Pairs and their fates (one byte each) stay on disk; only one block is in memory at a time, for any
size of the corpus.

Axis: P pairs.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import compress, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

DROPPED, KEPT = 0, 1  # larger numbers: other splits that a pair moves to
BLOCK = 1 << 20
"""Pairs in memory at a time; four times this number of digests."""

WRITE_BUFFER = 1 << 20
"""Bytes; writes take a fifth less time than with Python's default of 8 KiB."""
Number = TypeVar("Number", np.uint8, np.uint64)
Fates = NDArray[np.uint8]


def new_fates(path: Path, pairs: int) -> Fates:
    """Create a file of fates, [P], with every pair kept."""
    if not pairs:
        return np.empty(0, dtype=np.uint8)
    fate_P: Fates = np.memmap(path, dtype=np.uint8, mode="w+", shape=(pairs,))
    fate_P[:] = KEPT
    return fate_P


def drop_repetitions(fate_P: Fates, digests: Path) -> int:
    """Drop each pair that equals an earlier pair; return the number dropped.

    `digests` has eight bytes for each pair. Digests are compared in groups of equal remainder,
    each small enough for memory.
    """
    if not len(fate_P):
        return 0
    digest_P = np.memmap(digests, dtype=np.uint64, mode="r")
    groups = np.uint64(1 + len(digest_P) // (4 * BLOCK))
    dropped = 0
    for group in range(int(groups)):
        chosen = [start + np.flatnonzero(d % groups == group) for start, d in _blocks(digest_P)]
        index_G = np.concatenate(chosen)
        _, first_G = np.unique(digest_P[index_G], return_index=True)
        repeated = np.delete(index_G, first_G)
        fate_P[repeated] = DROPPED
        dropped += len(repeated)
    return dropped


def move_every_nth(fate_P: Fates, every: int, fate: int) -> int:
    """Assign a fate to every n-th (`every`) kept pair; return the number of pairs moved."""
    seen = moved = 0
    for start, block in _blocks(fate_P):
        kept = start + np.flatnonzero(block == KEPT)
        nth = kept[(np.arange(seen + 1, seen + 1 + len(kept)) % every) == 0]
        fate_P[nth] = fate
        seen, moved = seen + len(kept), moved + len(nth)
    return moved


def drop_same_text(files: Sequence[Path], fate_P: Fates, fates: Collection[int]) -> int:
    """Drop kept pairs with a sentence of a pair that has one of the fates; return their number."""
    dropped = np.zeros(len(fate_P), dtype=bool)
    for path in files:
        with path.open("rb") as lines:
            moved = {line for line, fate in zip(lines, fate_P, strict=True) if fate in fates}
        with path.open("rb") as lines:
            same = (line in moved for line in lines)
            dropped |= np.fromiter(same, bool, len(fate_P)) & (np.asarray(fate_P) == KEPT)
    fate_P[dropped] = DROPPED
    return int(dropped.sum())


def cap(fate_P: Fates, kept: int, max_pairs: int, seed: int) -> int:
    """Keep `max_pairs` of the `kept` pairs at random, drop the others; return the number dropped.

    Every choice is equally likely: draw the number of pairs to keep in a block, then the pairs.
    """
    generator = np.random.default_rng(seed)
    left, wanted = kept, min(kept, max_pairs)
    for start, block in _blocks(fate_P):
        index = start + np.flatnonzero(block == KEPT)
        if not len(index):
            continue
        chosen = int(generator.hypergeometric(wanted, left - wanted, len(index)))
        fate_P[generator.permutation(index)[chosen:]] = DROPPED
        left, wanted = left - len(index), wanted - chosen
    return kept - min(kept, max_pairs)


def deal(files: Sequence[Path], fate_P: Fates, others: Mapping[int, Sequence[Path]]) -> None:
    """Rewrite aligned files with only the kept pairs; write moved pairs to their split's files.

    Args:
        files: the two sides of all pairs.
        fate_P: fate of each pair.
        others: by fate, files of the two sides of another split.
    """
    for side, path in enumerate(files):
        part = path.with_name(f"{path.name}.part")
        targets = {KEPT: part, **{fate: paths[side] for fate, paths in others.items()}}
        for fate, target in targets.items():
            _copy_lines(path, target, fate_P, fate)
        part.replace(path)


def _copy_lines(path: Path, target: Path, fate_P: Fates, fate: int) -> None:
    with path.open("rb") as lines, target.open("wb", WRITE_BUFFER) as out:
        for _, block in _blocks(fate_P):
            chosen = (block == fate).tobytes()
            out.writelines(compress(islice(lines, len(chosen)), chosen))


def _blocks(values: NDArray[Number]) -> Iterator[tuple[int, NDArray[Number]]]:
    for start in range(0, len(values), BLOCK):
        yield start, np.asarray(values[start : start + BLOCK])
