"""Batches of one direction, as fairseq makes them, and their order.

Axes: B batches of an epoch.
"""

from collections.abc import Sequence

import numpy as np
from fairseq.data.data_utils import batch_by_size
from numpy.typing import NDArray


def whole_batches(
    indices: NDArray[np.int64],
    lengths: NDArray[np.int64],
    max_tokens: int | None,
    max_sentences: int | None,
    multiple: int,
) -> list[NDArray[np.int64]]:
    """Return fairseq's batches of one direction, and the remainder that it drops as the last."""
    batches: list[NDArray[np.int64]] = batch_by_size(
        indices, None, lengths, max_tokens, max_sentences, multiple
    )
    kept = sum(map(len, batches))
    return batches if kept == len(indices) else [*batches, indices[kept:]]


def spread_evenly(
    batches: Sequence[NDArray[np.int64]],
    direction_B: NDArray[np.int64],
    generator: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Return an epoch's batches with those of each direction at even intervals, in random order.

    Directions with equally many batches take turns. So an update of enough batches learns from all
    directions at once, as one large batch of mixed directions would.
    """
    shuffled_B = generator.permutation(len(batches))
    place_B = np.empty(len(batches))
    for direction in np.unique(direction_B):
        own = shuffled_B[direction_B[shuffled_B] == direction]
        place_B[own] = (np.arange(len(own)) + generator.random()) / len(own)
    return [batches[i] for i in np.argsort(place_B)]
