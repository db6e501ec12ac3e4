"""Batches of one direction, as fairseq makes them."""

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
