"""Approximate randomisation and bootstrap intervals on the sentence statistics of two systems.

Axes: N sentences, T trials or resamples, S statistics of a metric.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.evaluation.corpus_scores import Floats, resampled_scores

BLOCK = 1000
"""Trials computed at once: 8 MB for 2,000 sentences."""
LARGEST_EXACT = 2**24
"""float32 is exact for sums of integers below this."""
NOISE = 1e-9
"""Differences of scores closer than this are equal; rounding must not decide a test."""


def swap_trials(
    metrics: Sequence[Any],
    systems: Sequence[NDArray[Any]],
    others: Sequence[NDArray[Any]],
    *,
    trials: int,
    rng: np.random.Generator,
) -> list[Floats]:
    """Swap two systems' outputs of random sentences; return the differences of their scores.

    All metrics see the same swaps: each sentence is swapped with probability 1/2.

    Args:
        metrics: the metrics.
        systems: by metric, the statistics of a system's sentences, [N, S].
        others: by metric, the statistics of the other system's sentences.
        trials: number of trials.
        rng: source of the swaps.

    Returns:
        By metric, the difference of each trial, difference_T.
    """
    moves = [_compact(other - own) for own, other in zip(systems, others, strict=True)]
    totals = [
        (own.sum(axis=0), other.sum(axis=0)) for own, other in zip(systems, others, strict=True)
    ]
    found: list[list[Floats]] = [[] for _ in metrics]
    for swapped_TN in _draw_swaps(trials, len(systems[0]), rng):
        for i, metric in enumerate(metrics):
            moved_TS = (swapped_TN.astype(moves[i].dtype) @ moves[i]).astype(np.float64)
            own_S, other_S = totals[i]
            found[i].append(
                resampled_scores(metric, own_S + moved_TS)
                - resampled_scores(metric, other_S - moved_TS)
            )
    return [np.concatenate(differences) for differences in found]


def two_sided_p(difference: float, difference_T: Floats) -> float:
    """Return the share of trials, and of the observation, at least as far from 0 as observed."""
    as_far = int((np.abs(difference_T) >= abs(difference) - NOISE).sum())
    return (as_far + 1) / (len(difference_T) + 1)


def bootstrap_differences(
    metrics: Sequence[Any],
    systems: Sequence[NDArray[Any]],
    others: Sequence[NDArray[Any]],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> list[Floats]:
    """Return by metric the difference of two systems on resamples of the sentences, [T]."""
    sentences = len(systems[0])
    drawn_TN = rng.integers(sentences, size=(resamples, sentences))
    drawn_TN += np.arange(resamples)[:, None] * sentences
    weight_TN = np.bincount(drawn_TN.ravel(), minlength=drawn_TN.size).reshape(drawn_TN.shape)
    weight_TN = weight_TN.astype(np.float64)
    return [
        resampled_scores(metric, weight_TN @ own) - resampled_scores(metric, weight_TN @ other)
        for metric, own, other in zip(metrics, systems, others, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values of a family of tests, adjusted by Holm's step-down method.

    A family has a false positive with at most the probability at which adjusted p-values count
    (Holm, 1979).
    """
    p_N = np.asarray(p_values, dtype=np.float64)
    order_N = np.argsort(p_N, kind="stable")
    scaled_N = p_N[order_N] * np.arange(len(p_N), 0, -1)
    adjusted_N = np.empty_like(p_N)
    adjusted_N[order_N] = np.minimum(1, np.maximum.accumulate(scaled_N))
    return [float(p) for p in adjusted_N]


def _draw_swaps(trials: int, sentences: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """Yield swapped_TN, 0 or 1, in blocks of trials."""
    for start in range(0, trials, BLOCK):
        block = min(BLOCK, trials - start)
        bytes_TN = rng.integers(256, size=(block, -(-sentences // 8)), dtype=np.uint8)
        yield np.unpackbits(bytes_TN, axis=1, count=sentences)


def _compact(move_NS: NDArray[Any]) -> NDArray[Any]:
    """Return the statistics that swaps move in the fastest type in which their sums are exact."""
    move_NS = np.asarray(move_NS, dtype=np.float64)
    is_whole = bool((move_NS == np.rint(move_NS)).all())
    largest = np.abs(move_NS).sum(axis=0).max(initial=0)
    return move_NS.astype(np.float32) if is_whole and largest < LARGEST_EXACT else move_NS
