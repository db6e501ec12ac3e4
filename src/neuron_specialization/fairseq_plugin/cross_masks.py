"""Score the references of each direction through the neuron masks of other directions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.decoding import batches, load_split
from neuron_specialization.fairseq_plugin.forced_decoding import MAX_TOKENS, score_batch
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.parallel import device_of, parallel_map, split_round_robin
from neuron_specialization.settings.training import DirectionFiles

Totals = dict[tuple[str, str], tuple[float, int]]
"""By direction and direction of the mask: negative log-likelihood (nats) of the references, summed
over their tokens, and the number of these tokens."""


def cross_masks(
    checkpoint: Path,
    others: Mapping[str, Sequence[str]],
    *,
    masks: Path,
    data: Path,
    split: str,
    sentences: int,
    device: str,
    processes: int,
) -> Totals:
    """Score the references of each direction through several masks.

    Args:
        checkpoint: the model of the masks.
        others: the directions whose masks each direction passes through.
        masks: neuron masks of all these directions.
        data: binarised corpora.
        split: the split.
        sentences: number of sentences per direction, from the first one; fewer if it has fewer.
        device: `cpu` or `cuda`.
        processes: processes, or GPUs, that share the directions; each loads the model once.

    Raises:
        InputError: the masks lack a direction, or belong to another architecture.
    """

    def score_share(share: tuple[int, list[str]]) -> Totals:
        process, names = share
        place, files = device_of(device, process), DirectionFiles(masks=masks)
        model, task = load_split(checkpoint, list(others), files, data, split, place)
        found: Totals = {}
        for name in names:
            samples = first_batches(task, split, name, sentences, place)
            found |= {(name, other): total(model, task, samples, other) for other in others[name]}
        return found

    shares = split_round_robin(list(others), processes)
    parts = parallel_map(score_share, enumerate(shares), len(shares))
    found = {key: value for part in parts for key, value in part.items()}
    return {
        (name, other): found[name, other] for name, masked in others.items() for other in masked
    }


def first_batches(
    task: DirectionsTask, split: str, direction: str, sentences: int, device: str
) -> list[dict[str, Any]]:
    """Return batches of the first sentences of a direction."""
    dataset: DirectionDataset = task.dataset(split)
    place = task.directions.index(direction)
    start, end = dataset.starts[place : place + 2]
    order = dataset.ordered_indices()
    chosen = order[(order >= start) & (order < min(start + sentences, end))]
    return list(batches(dataset, chosen, MAX_TOKENS, device))


def total(
    model: Any, task: DirectionsTask, samples: Sequence[dict[str, Any]], mask: str
) -> tuple[float, int]:
    """Return the summed negative log-likelihood and the tokens of batches through one mask."""
    place = task.directions.index(mask)
    scored = [score_batch(model, task, sample, place) for sample in samples]
    nll_N, tokens_N = (np.concatenate(part) for part in zip(*scored, strict=True))
    return float(nll_N.sum()), int(tokens_N.sum())
